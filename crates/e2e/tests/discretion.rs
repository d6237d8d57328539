//! What the logs of the real program don't say, at the level that says most: endpoints, ids, keys and messages.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD, program};
use testkit::wait;

/// `mailbell listen` for alice's mail, killed when dropped.
struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listen(server: &Mailbell, directory: &Path) -> Result<Listening> {
    std::fs::write(directory.join("password"), PASSWORD)?;
    let account = format!("imaps://alice@localhost:{}", server.imaps.port());
    let mut command = Command::new(program()?);
    command.arg("--config").arg(server.config()).args(["listen", "--json", "--ca"]);
    command.arg(server.certificate()).arg("--state").arg(directory.join("state"));
    command.args([&account, "--password-stdin"]);
    command.stdout(std::fs::File::create(directory.join("out"))?);
    command.stderr(std::fs::File::create(directory.join("listen.log"))?);
    Ok(Listening(command.stdin(std::fs::File::open(directory.join("password"))?).spawn()?))
}

/// Posts over HTTP/1.1 and returns the header of the answer.
fn post(server: &Mailbell, path: &str, body: &str) -> Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server.certificate())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let mut stream = StreamOwned::new(client, TcpStream::connect(server.push)?);
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nTTL: 60\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A server may close without TLS's own goodbye.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error.into()),
        _ => Ok(String::from_utf8(answer)?),
    }
}

/// Every string in an agent's state that is long enough to be a secret; of an endpoint, the token. The key of the
/// application server is public.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= 16 => {
            found.push(text.rsplit('/').next().unwrap_or_default().to_owned());
        }
        Value::Array(items) => items.iter().for_each(|item| secrets(item, found)),
        Value::Object(members) => {
            let hidden = members.iter().filter(|(name, _)| *name != "application_server_key");
            hidden.for_each(|(_, member)| secrets(member, found));
        }
        _ => {}
    }
}

#[test]
fn no_log_tells_endpoints_keys_or_messages() -> Result<()> {
    let server =
        Mailbell::start(&["alice"], "\n[log]\nlevel = \"trace\"\n\n[push]\nmin_interval = \"100ms\"\n")?;
    let directory = server.directory.path();
    let out = || std::fs::read_to_string(directory.join("out")).unwrap_or_default();
    let _listening = listen(&server, directory)?;
    let active = || server.run(&["subscription", "list"]).ok().filter(|listed| listed.contains(" active "));
    wait::until(active).with_context(|| format!("it does not register: {}", out()))?;

    let state: Value = serde_json::from_str(&std::fs::read_to_string(directory.join("state"))?)?;
    let mut hidden = Vec::new();
    secrets(&state, &mut hidden);
    hidden.retain(|secret| !secret.is_empty() && !secret.starts_with("localhost"));
    ensure!(hidden.len() >= 5, "uaid, channel, endpoint, private key and secret");
    let endpoint = hidden_path(&state).context("no endpoint")?;

    // Over HTTP/2 to the server's own service, over HTTP/1.1, and to a subscription that there is not.
    Lmtp::connect(server.lmtp)?
        .deliver(&["alice"], "From: bob@test.invalid\nSubject: Axolotl\n\nQuokka at noon.\n")?;
    wait::until(|| out().contains("Quokka").then_some(())).context("the mail is not told")?;
    let answer = post(&server, &endpoint, "a body that is Numbat")?;
    ensure!(answer.starts_with("HTTP/1.1 401"), "the subscription is restricted: {answer}");
    let forged = "/wpush/aForgedTokenWhichIsNotThereAtAll000000000000";
    ensure!(post(&server, forged, "a body that is Numbat")?.starts_with("HTTP/1.1 404"));
    hidden.extend(["Axolotl", "Quokka", "Numbat", "aForgedToken", "/wpush/", PASSWORD].map(str::to_owned));

    for (name, log) in
        [("the server", server.log()), ("the agent", std::fs::read_to_string(directory.join("listen.log"))?)]
    {
        ensure!(!log.is_empty(), "{name} logs nothing");
        for secret in &hidden {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            ensure!(line.is_none(), "{name} logs {secret}: {line:?}");
        }
    }
    ensure!(server.log().contains("DEBUG push_service"), "it says nothing of pushes: {}", server.log());
    Ok(())
}

/// The path of the one endpoint in an agent's state.
fn hidden_path(state: &Value) -> Option<String> {
    let subscriptions = state["subscriptions"].as_object()?;
    let endpoint = subscriptions.values().next()?["endpoint"].as_str()?;
    endpoint.find("/wpush/").and_then(|at| endpoint.get(at..)).map(str::to_owned)
}
