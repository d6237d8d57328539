//! What an operator does with a server: start it, ask how it is, reload it, stop it, and get it wrong.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use testkit::imap::Imap;
use testkit::server::{Mailbell, PASSWORD, program};
use testkit::wait;

/// The answer to `GET path`.
fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(wait::LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Whether a client that trusts only this PEM file completes a TLS handshake.
fn is_trusted(address: SocketAddr, pem: &Path) -> Result<bool> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(wait::LIMIT))?;
    while client.is_handshaking() {
        if let Err(error) = client.complete_io(&mut stream) {
            ensure!(error.kind() == std::io::ErrorKind::InvalidData, "not a matter of trust: {error}");
            return Ok(false);
        }
    }
    Ok(true)
}

fn make_certificate(directory: &Path) -> Result<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(directory.join("certificate.pem"), made.cert.pem())?;
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem())?;
    Ok(())
}

/// The binary in this directory, with none of the variables that configure it.
fn mailbell(directory: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(program()?);
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MAILBELL_")) {
        command.env_remove(name);
    }
    Ok(command)
}

/// Runs a command that is to fail with this on standard error.
fn check_fails(directory: &Path, arguments: &[&str], wanted: &str) -> Result<()> {
    let Output { status, stderr, .. } = mailbell(directory, arguments)?.output()?;
    let stderr = String::from_utf8_lossy(&stderr);
    ensure!(!status.success(), "{arguments:?} succeeded");
    ensure!(stderr.contains(wanted), "{arguments:?} said {stderr}, not {wanted}");
    Ok(())
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).context("a process id")?;
        Ok(kill_process(pid, signal)?)
    }

    fn ended(&mut self) -> Result<Option<i32>> {
        Ok(wait::until(|| self.0.try_wait().transpose()).context("it does not end")??.code())
    }
}

#[test]
fn a_wrong_configuration_is_told_by_file_line_and_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("mailbell.toml");
    std::fs::write(&file, "hostname = \"a\"\n\n[listen]\nimap = \"foo\"\nimapss = \"127.0.0.1:1\"\n")?;
    let wanted = "mailbell: mailbell.toml:4: listen.imap: \"foo\" is not a socket address or unix:/path\n\
                  mailbell.toml:5: listen.imapss: unknown key; did you mean listen.imaps?\n";
    for arguments in
        [&["check-config"][..], &["serve"], &["account", "list"], &["--config", "mailbell.toml", "serve"]]
    {
        check_fails(directory.path(), arguments, wanted)?;
    }
    check_fails(
        directory.path(),
        &["check-config", "--config", "none.toml"],
        "cannot read the configuration none.toml",
    )?;

    std::fs::write(&file, "[push]\ncontact = \"mailto:postmaster@mail.example\"\n")?;
    let output = mailbell(directory.path(), &["check-config"])?.output()?;
    ensure!(output.status.success());
    ensure!(String::from_utf8_lossy(&output.stdout) == "The configuration is valid.\n");
    Ok(())
}

#[test]
fn without_a_configuration_it_makes_its_keys_and_says_so() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut command = mailbell(directory.path(), &["serve"])?;
    for listener in ["LMTP", "IMAP", "IMAPS", "HTTP", "PUSH"] {
        command.env(format!("MAILBELL_LISTEN_{listener}"), "127.0.0.1:0");
    }
    let log = directory.path().join("log");
    let mut server = Running(command.stderr(std::fs::File::create(&log)?).spawn()?);
    let is_listening = || std::fs::read_to_string(&log).ok().filter(|log| log.contains("listening"));
    let said = wait::until(is_listening).context("it does not listen")?;
    for wanted in ["made a VAPID key", "made a development certificate", "push.contact is not set"] {
        ensure!(said.contains(wanted), "{wanted} is missing in {said}");
    }
    let key = directory.path().join("mailbell-data/vapid.pem");
    ensure!(std::fs::metadata(key)?.permissions().mode() & 0o777 == 0o600);
    server.signal(Signal::INT)?;
    ensure!(server.ended()? == Some(0));
    Ok(())
}

#[test]
fn sigterm_ends_it_in_order_with_code_0() -> Result<()> {
    let mut server = Mailbell::start(&["alice"], "")?;
    let mut idle = Imap::login(server.imap, "alice", PASSWORD)?;
    let status = server.terminate()?;
    ensure!(status.code() == Some(0), "{status}\n{}", server.log());
    ensure!(idle.response()?.starts_with("* BYE"), "an idle connection is told");
    ensure!(server.log().contains("stopped"), "{}", server.log());
    Ok(())
}

#[test]
fn a_second_signal_ends_it_at_once() -> Result<()> {
    let mut server = Mailbell::start(&["alice"], "")?;
    let mut transaction = TcpStream::connect(server.lmtp)?;
    transaction.set_read_timeout(Some(wait::LIMIT))?;
    transaction
        .write_all(b"LHLO test.invalid\r\nMAIL FROM:<a@test.invalid>\r\nRCPT TO:<alice>\r\nDATA\r\n")?;
    let mut seen = String::new();
    while !seen.contains("354 ") {
        let mut buffer = [0; 1024];
        let octets = transaction.read(&mut buffer)?;
        ensure!(octets > 0, "the connection ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(buffer.get(..octets).unwrap_or_default()));
    }
    server.signal(Signal::TERM)?;
    wait::until(|| server.log().contains("stopping").then_some(())).context("it does not begin to stop")?;
    let began = std::time::Instant::now();
    let status = server.terminate()?;
    ensure!(!status.success(), "a transaction was cut off, so this is not success");
    ensure!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    ensure!(server.log().contains("stopped at once"), "{}", server.log());
    Ok(())
}

#[test]
fn sighup_swaps_the_certificate_and_a_broken_one_is_not_taken() -> Result<()> {
    let [old, new] = [tempfile::tempdir()?, tempfile::tempdir()?];
    make_certificate(old.path())?;
    make_certificate(new.path())?;
    let used = tempfile::tempdir()?;
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|file| used.path().join(file));
    let install = |from: &Path| -> Result<()> {
        for file in ["certificate.pem", "key.pem"] {
            std::fs::copy(from.join(file), used.path().join(file))?;
        }
        Ok(())
    };
    install(old.path())?;
    let settings =
        format!("[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n", certificate.display(), key.display());
    let server = Mailbell::start(&[], &settings)?;
    let [old_pem, new_pem] = [&old, &new].map(|directory| directory.path().join("certificate.pem"));
    ensure!(is_trusted(server.imaps, &old_pem)? && !is_trusted(server.imaps, &new_pem)?);

    std::fs::write(&certificate, "broken")?;
    server.signal(Signal::HUP)?;
    wait::until(|| server.log().contains("cannot reload").then_some(())).context("it says nothing")?;
    ensure!(is_trusted(server.imaps, &old_pem)?, "the old certificate stays");

    install(new.path())?;
    server.signal(Signal::HUP)?;
    wait::until(|| is_trusted(server.imaps, &new_pem).ok().filter(|is_trusted| *is_trusted))
        .context("the new certificate is not taken")?;
    ensure!(!is_trusted(server.imaps, &old_pem)?);
    Ok(())
}

#[test]
fn sighup_changes_the_log_level() -> Result<()> {
    let server = Mailbell::start(&[], "[log]\nlevel = \"info\"\n")?;
    let text = std::fs::read_to_string(server.config())?;
    std::fs::write(server.config(), text.replace("\"info\"", "\"debug\""))?;
    server.signal(Signal::HUP)?;
    wait::until(|| server.log().contains("were read again").then_some(())).context("it says nothing")?;
    // An HTTP head that is none is a debug line.
    let debug_line = || {
        let mut stream = TcpStream::connect(server.http).ok()?;
        stream.write_all(b"nonsense\r\n\r\n").ok()?;
        server.log().contains("HTTP connection ended").then_some(())
    };
    wait::until(debug_line).context("no debug line")?;
    Ok(())
}

#[test]
fn a_second_server_on_the_same_data_is_refused() -> Result<()> {
    let server = Mailbell::start(&[], "")?;
    let error = server.run(&["serve"]).expect_err("refused").to_string();
    let pid = server.pid().context("running")?;
    ensure!(error.contains(&format!("another mailbell (process {pid}) holds ")), "{error}");
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_told_with_its_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?;
    std::fs::write(directory.path().join("mailbell.toml"), format!("listen.lmtp = \"{address}\"\n"))?;
    let wanted =
        format!("mailbell: listen.lmtp: cannot listen on {address}: another program listens there already");
    check_fails(directory.path(), &["serve"], &wanted)
}

#[test]
fn health_and_metrics_are_told_over_http() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let is_ready =
        || get(server.http, "/health/ready").ok().filter(|answer| answer.starts_with("HTTP/1.1 200"));
    wait::until(is_ready).context("it does not become ready")?;
    let cases = [
        ("/health/live", "HTTP/1.1 200", "live"),
        ("/health/ready", "HTTP/1.1 200", "ready"),
        ("/metrics", "HTTP/1.1 200", "mailbell_build_info{version="),
        ("/", "HTTP/1.1 404", "no such page"),
    ];
    for (path, status, body) in cases {
        let answer = get(server.http, path)?;
        ensure!(answer.starts_with(status) && answer.contains(body), "{path}: {answer}");
    }
    Ok(())
}

#[test]
fn the_push_service_runs_alone() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let text = "[listen]\npush = \"127.0.0.1:0\"\nhttp = \"unix:http\"\n[log]\nformat = \"json\"\n";
    std::fs::write(directory.path().join("mailbell.toml"), text)?;
    let log = directory.path().join("log");
    let mut command = mailbell(directory.path(), &["push-service"])?;
    let mut server = Running(command.stderr(std::fs::File::create(&log)?).spawn()?);
    let listening = || {
        let log = std::fs::read_to_string(&log).ok()?;
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.find(|line| line["message"] == "listening")
    };
    let listening = wait::until(listening).context("it does not listen")?;
    ensure!(
        listening["imap"] == "off" && listening["lmtp"] == "off" && listening["http"] == "unix:http",
        "{listening}"
    );
    let push: SocketAddr = listening["push"].as_str().context("an address")?.parse()?;
    let pem = directory.path().join("mailbell-data/tls/development.pem");
    ensure!(is_trusted(push, &pem)?, "it speaks TLS with the development certificate");
    ensure!(directory.path().join("http").exists());
    let running = push_service_stats(directory.path())?;
    ensure!(running["process"] == server.0.id() && running["kept"]["subscriptions"] == 0, "{running}");
    ensure!(running["since_start"]["received"] == 0.0 && running["why_not"].is_null(), "{running}");
    server.signal(Signal::TERM)?;
    ensure!(server.ended()? == Some(0));
    let stopped = push_service_stats(directory.path())?;
    ensure!(stopped["process"].is_null() && stopped["kept"]["waiting_bytes"] == 0, "{stopped}");
    ensure!(stopped["since_start"].is_null() && stopped["why_not"] == "the server is stopped", "{stopped}");
    ensure!(!directory.path().join("http").exists(), "its socket is gone");
    ensure!(!directory.path().join("mailbell-data/mail.sqlite").exists(), "it has no mail store");
    Ok(())
}

fn push_service_stats(directory: &Path) -> Result<serde_json::Value> {
    let Output { status, stdout, stderr } =
        mailbell(directory, &["push-service", "stats", "--json"])?.output()?;
    ensure!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    Ok(serde_json::from_slice(&stdout)?)
}

#[test]
fn the_demo_tells_its_device_everything() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let Output { status, stdout, stderr } = mailbell(directory.path(), &["demo", "--once"])?.output()?;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    ensure!(status.success(), "{status}\n{stdout}\n{stderr}");
    for wanted in
        ["| * SELECT INBOX", "Urgency: high", "| * VANISHED 2", "8 of 8 changes were told as they should be"]
    {
        ensure!(stdout.contains(wanted), "{wanted} is missing in {stdout}");
    }
    Ok(())
}

#[test]
fn broadcasts_are_set_by_who_has_the_token_of_the_file() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("broadcast.token");
    std::fs::write(&file, "a-token-for-broadcasts\n")?;
    let settings = format!(
        "\n[push_service]\npublic_url = \"http://localhost:PUSH_PORT\"\nbroadcast_token_file = \"{}\"\n",
        file.display()
    );
    let mut server = Mailbell::start(&[], &settings)?;
    for (token, status) in
        [("another-token-it-is", "401"), ("a-token-for-broadcasts", "201"), ("a-token-for-broadcasts", "200")]
    {
        let mut stream = TcpStream::connect(server.push)?;
        stream.set_read_timeout(Some(wait::LIMIT))?;
        write!(
            stream,
            "PUT /v1/broadcasts/remote-settings/monitor_changes HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {token}\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\"1\""
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{token}: {answer}");
    }

    // What could be guessed is not taken.
    server.terminate()?;
    std::fs::write(&file, "short")?;
    // Its sockets stand before it reads the file.
    let _serves_or_not = server.launch();
    let wanted = "push_service.broadcast_token_file";
    wait::until(|| server.log().contains(wanted).then_some(())).with_context(|| server.log())
}
