//! From `[submission]` to what sends mail and to what JMAP may have it send.

use std::path::Path;

use anyhow::Context as _;
use submission::sender::Limits;
use submission::smarthost::{self, Credentials, Security, Smarthost};

use crate::config::{Config, Submission, SubmissionTls};

/// The smarthost; reads its password and the additional authorities.
pub(crate) fn smarthost(config: &Config, settings: &Submission) -> anyhow::Result<Smarthost> {
    let client = || {
        let mut authorities = String::new();
        for file in &settings.extra_ca {
            authorities.push_str(&text(file).context("submission.extra_ca")?);
            authorities.push('\n');
        }
        smarthost::tls(Some(&authorities)).context("submission.extra_ca")
    };
    let security = match settings.tls {
        SubmissionTls::None => Security::Plain,
        SubmissionTls::Implicit => Security::Implicit(client()?),
        SubmissionTls::StartTls => Security::StartTls(client()?),
    };
    Ok(Smarthost {
        host: settings.host.clone(),
        port: settings.port,
        security,
        credentials: settings.login.as_ref().map(|(user, file)| credentials(user, file)).transpose()?,
        client_name: client_name(&config.hostname),
    })
}

fn credentials(user: &str, file: &Path) -> anyhow::Result<Credentials> {
    let password = text(file).context("submission.password_file")?;
    let password = password.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!password.is_empty(), "submission.password_file: {} is empty", file.display());
    anyhow::ensure!(
        !password.contains(['\r', '\n', '\0']),
        "submission.password_file: {} has more than one line",
        file.display()
    );
    Ok(Credentials::new(user.to_owned(), password.to_owned()))
}

/// RFC 5321 §4.1.3: an address is written as a literal.
fn client_name(hostname: &str) -> String {
    match hostname.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => format!("[{address}]"),
        Ok(std::net::IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => hostname.to_owned(),
    }
}

/// How the queue is emptied.
pub(crate) fn limits(settings: &Submission) -> Limits {
    Limits { connections: settings.connections, retry: settings.retry, give_up: settings.give_up }
}

/// What JMAP may have sent.
pub(crate) fn sending(settings: &Submission) -> jmap::Sending {
    jmap::Sending {
        recipients: settings.recipients,
        message_bytes: settings.message_bytes,
        delay_max: settings.delay_max,
        waiting: settings.waiting,
        dsn: settings.dsn,
    }
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
