//! `[submission]`: the smarthost that mail is sent through.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::source::{Raw, Reader};
use super::{relative_to, value};

/// `[submission]`.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    /// Its name or address.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// How the connection is protected.
    pub(crate) tls: SubmissionTls,
    /// Our name there and the file with its password.
    pub(crate) login: Option<(String, PathBuf)>,
    /// PEM files with certificate authorities that are trusted besides the system's.
    pub(crate) extra_ca: Vec<PathBuf>,
    /// Whether it knows RFC 3461.
    pub(crate) dsn: bool,
    /// Connections to it at a time.
    pub(crate) connections: usize,
    /// Recipients of one submission.
    pub(crate) recipients: usize,
    /// Octets of a message.
    pub(crate) message_bytes: u64,
    /// Submissions of an account that wait.
    pub(crate) waiting: usize,
    /// How long a message may be held.
    pub(crate) delay_max: Duration,
    /// The first wait after an attempt that failed.
    pub(crate) retry: Duration,
    /// How long a message is tried.
    pub(crate) give_up: Duration,
}

/// How the connection to the smarthost is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubmissionTls {
    /// TLS from the first octet.
    Implicit,
    /// STARTTLS, without which nothing is sent.
    StartTls,
    /// Nothing.
    None,
}

/// Reads the section; it is on if it names a smarthost.
pub(super) fn read(reader: &mut Reader) -> Option<Submission> {
    let smarthost = reader.read_placed("submission.smarthost", host_and_port);
    let tls = reader.read_placed("submission.tls", tls);
    let user = reader.read_placed("submission.user", value::text);
    let password = reader.read_placed("submission.password_file", value::path);
    let extra_ca = reader.read_placed("submission.extra_ca", value::paths);
    let dsn = reader.read("submission.dsn", false, value::flag);
    let connections = reader.read("submission.connections", 4, value::count);
    let recipients = reader.read("submission.recipients", 100, value::count);
    let message_bytes = reader.read("submission.message_bytes", 25 << 20, value::bytes);
    let waiting = reader.read("submission.waiting", 500, value::count);
    let delay_max = reader.read("submission.delay_max", DAY * 30, value::duration);
    let retry = reader.read("submission.retry", Duration::from_secs(60), value::duration);
    let give_up = reader.read("submission.give_up", DAY * 5, value::duration);

    let Some(((host, port), at)) = smarthost else {
        for place in [user.map(|(_, place)| place), password.map(|(_, place)| place)].into_iter().flatten() {
            reader.refuse("submission", place, "submission.smarthost is missing".to_owned());
        }
        return None;
    };
    let given = tls.map(|(tls, _)| tls);
    let tls =
        given.unwrap_or(if port == Some(465) { SubmissionTls::Implicit } else { SubmissionTls::StartTls });
    let port = port.unwrap_or(match tls {
        SubmissionTls::Implicit => 465,
        SubmissionTls::StartTls => 587,
        SubmissionTls::None => 25,
    });
    let login = match (user, password) {
        (Some((_, place)), _) if tls == SubmissionTls::None && !is_here(&host) => {
            let why = "the password would go over the network as it is: set submission.tls to \"starttls\" or \"implicit\"";
            reader.refuse("submission.user", place, why.to_owned());
            None
        }
        (Some((user, _)), Some((file, place))) => Some((user, relative_to(&place, file))),
        (Some((_, place)), None) => {
            reader.refuse("submission.user", place, "submission.password_file is missing".to_owned());
            None
        }
        (None, Some((_, place))) => {
            reader.refuse("submission.password_file", place, "submission.user is missing".to_owned());
            None
        }
        (None, None) => None,
    };
    if tls != SubmissionTls::None && rustls_pki_types::ServerName::try_from(host.as_str()).is_err() {
        reader.refuse("submission.smarthost", at, format!("{host:?} is no name that a certificate has"));
    }
    let extra_ca = extra_ca.map_or_else(Vec::new, |(paths, place)| {
        paths.into_iter().map(|path| relative_to(&place, path)).collect()
    });
    Some(Submission {
        host,
        port,
        tls,
        login,
        extra_ca,
        dsn,
        connections,
        recipients,
        message_bytes,
        waiting,
        delay_max,
        retry,
        give_up,
    })
}

/// `mail.example`, `mail.example:587`, `[::1]:25`.
fn host_and_port(raw: &Raw) -> Result<(String, Option<u16>), String> {
    let written = value::text(raw)?;
    let wrong = || format!("{written:?} is not a host, or a host and a port such as \"smtp.example:587\"");
    let (host, port) = match written.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
        None if written.parse::<IpAddr>().is_ok() => (written.as_str(), None),
        None => match written.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (written.as_str(), None),
        },
    };
    let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)).transpose()?;
    let is_host = host.parse::<IpAddr>().is_ok() || value::hostname(&Raw::Text(host.to_owned())).is_ok();
    if is_host { Ok((host.to_owned(), port)) } else { Err(wrong()) }
}

fn tls(raw: &Raw) -> Result<SubmissionTls, String> {
    match value::text(raw)?.as_str() {
        "implicit" => Ok(SubmissionTls::Implicit),
        "starttls" => Ok(SubmissionTls::StartTls),
        "none" => Ok(SubmissionTls::None),
        other => Err(format!("{other:?} is not \"implicit\", \"starttls\" or \"none\"")),
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

const DAY: Duration = Duration::from_secs(24 * 3600);
