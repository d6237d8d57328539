//! Programs that others wrote log in, by every mechanism that they know.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use testkit::lmtp::Lmtp;
use testkit::programs;
use testkit::server::{Mailbell, PASSWORD};

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");
const MASTERS: &str = "\n[auth]\nmasters = [\"root\"]\n";

/// Runs GNU SASL's client against the port with STARTTLS; whether it could log in, and what it printed.
fn gsasl(mut gsasl: Command, server: &Mailbell, arguments: &[&str]) -> Result<(bool, String)> {
    let port = server.imap.port().to_string();
    gsasl.args(["--imap", "--verbose", "--x509-ca-file"]).arg(server.certificate());
    // The certificate names localhost.
    let output = gsasl.args(arguments).args(["localhost", &port]).stdin(Stdio::null()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Ok((printed.contains("logged in"), printed.into_owned()))
}

#[test]
fn gsasl_logs_in_with_scram_bound_and_unbound_and_with_plain() -> Result<()> {
    let test = "gsasl_logs_in_with_scram_bound_and_unbound_and_with_plain";
    if programs::debian(test, "gsasl")?.is_none() {
        return Ok(());
    }
    let server = Mailbell::start(&["alice", "root"], MASTERS)?;
    let made = server.run(&["app-password", "add", "alice", "phone"])?;
    let phone = made.trim();
    for (mechanism, options, password, opens) in [
        ("SCRAM-SHA-256", &["--no-starttls", "-a", "alice"][..], PASSWORD, true),
        ("SCRAM-SHA-256", &["--starttls", "--no-cb", "-a", "alice"], PASSWORD, true),
        ("SCRAM-SHA-256-PLUS", &["--starttls", "-a", "alice"], PASSWORD, true),
        ("SCRAM-SHA-256-PLUS", &["--starttls", "-a", "alice"], phone, true),
        ("SCRAM-SHA-256-PLUS", &["--starttls", "-a", "root", "-z", "alice"], PASSWORD, true),
        ("PLAIN", &["--starttls", "-a", "root", "-z", "alice"], PASSWORD, true),
        ("PLAIN", &["--starttls", "-a", "alice*root"], PASSWORD, true),
        ("PLAIN", &["--starttls", "-a", "alice"], phone, true),
        ("SCRAM-SHA-256-PLUS", &["--starttls", "-a", "alice"], "wrong", false),
        ("PLAIN", &["--starttls", "-a", "alice", "-z", "root"], PASSWORD, false),
        // It says that it could bind, and that the server could not: somebody would have changed the list.
        ("SCRAM-SHA-256", &["--starttls", "-a", "alice"], PASSWORD, false),
    ] {
        let program = programs::debian(test, "gsasl")?.context("gsasl has gone")?;
        let arguments = [&["-m", mechanism, "-p", password], options].concat();
        let (is_open, printed) = gsasl(program, &server, &arguments)?;
        assert_eq!(is_open, opens, "{mechanism} {options:?}: {printed}");
    }
    let log = server.log();
    assert!(log.contains("master=\"root\"") || log.contains("master=root"), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains(phone), "a password is in the log");
    Ok(())
}

/// The issuer of `tests/python/issuer.py`.
struct Issuer {
    child: Child,
    url: String,
}

impl Issuer {
    fn start(mut python: Command, directory: &Path) -> Result<Self> {
        let command = python.arg(format!("{PYTHON}/issuer.py")).arg(directory).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut url)?;
        ensure!(url.starts_with("http://"), "the issuer says {url:?}");
        Ok(Self { child, url: url.trim().to_owned() })
    }

    fn settings(&self, secret: &Path) -> String {
        format!(
            "\n[oauth]\nissuer = \"{url}\"\njwks = \"{url}/jwks\"\nintrospection_url = \"{url}/introspect\"\n\
             client_id = \"mailbell\"\nclient_secret_file = \"{}\"\naudience = \"mail\"\nscope = \"imap\"\n\
             discovery_url = \"{url}/.well-known/openid-configuration\"\n",
            secret.display(),
            url = self.url
        )
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn imaplib_logs_in_with_tokens_that_pyjwt_signs_and_is_told_why_others_are_refused() -> Result<()> {
    let test = "imaplib_logs_in_with_tokens_that_pyjwt_signs_and_is_told_why_others_are_refused";
    let (Some(python), Some(mut client)) = (programs::python(test), programs::python(test)) else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    let issuer = Issuer::start(python, directory.path())?;
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "s3cret\n")?;
    let server = Mailbell::start(&["alice", "bob"], &issuer.settings(&secret))?;
    let command = client.arg(format!("{PYTHON}/imaplib_tokens.py")).arg(server.imaps.port().to_string());
    let printed = programs::run(command.arg(server.certificate()).arg(&issuer.url).arg(directory.path()))?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    assert!(!server.log().contains("eyJ"), "a token is in the log");
    Ok(())
}

#[test]
fn neomutt_reads_mail_with_a_token_from_a_command() -> Result<()> {
    let test = "neomutt_reads_mail_with_a_token_from_a_command";
    let Some(python) = programs::python(test) else { return Ok(()) };
    let directory = tempfile::tempdir()?;
    let issuer = Issuer::start(python, directory.path())?;
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "s3cret\n")?;
    let server = Mailbell::start(&["alice"], &issuer.settings(&secret))?;
    let message = "From: a@test.invalid\nSubject: first\n\nfirst body\n";
    Lmtp::connect(server.lmtp)?.deliver(&["alice"], message)?;
    for mechanism in ["oauthbearer", "xoauth2"] {
        let Some(mut neomutt) = programs::debian(test, "neomutt")? else { return Ok(()) };
        let (rc, copy) =
            (directory.path().join(mechanism), directory.path().join(format!("{mechanism}.mbox")));
        let text = format!(
            "set folder=imap://alice@localhost:{port}/\nset imap_user=alice\nset imap_authenticators={mechanism}\nset ssl_starttls=yes\n\
             set imap_oauth_refresh_command=\"cat {directory}/alice.token\"\nset ssl_force_tls=yes\n\
             set ssl_ca_certificates_file={certificate}\nset certificate_file={certificate}\nset confirmappend=no\nset confirmcreate=no\n\
             set mbox_type=mbox\nset copy=no\nset header_cache=\nset message_cachedir=\n\
             push '<copy-message>{copy}<enter><quit>'\n",
            port = server.imap.port(),
            directory = directory.path().display(),
            certificate = server.certificate().display(),
            copy = copy.display()
        );
        std::fs::write(&rc, text)?;
        let command = neomutt.env("TERM", "dumb").env("HOME", directory.path()).arg("-n").arg("-F").arg(&rc);
        let url = format!("imap://alice@localhost:{}/INBOX", server.imap.port());
        programs::run(&mut programs::in_a_terminal(command.arg("-f").arg(url)))?;
        assert!(std::fs::read_to_string(&copy)?.contains("first body"), "{mechanism}");
    }
    let log = server.log();
    assert!(log.contains("OAUTHBEARER") && log.contains("XOAUTH2"), "{log}");
    Ok(())
}
