//! The configuration: one TOML file and `MAILBELL_...` variables in, a [`Config`] out.
//!
//! What is wrong is told all at once, each with the place it stands at:
//! `mailbell.toml:12: listen.imap: "foo" is not a socket address or unix:/path`.
//!
//! These types belong to the configuration alone; the parts of the server have their own, and `serve` converts.
//! Nothing here opens a socket or reads any file but the configuration itself.
//!
//! Invariants:
//! - With no file and no variable there is a complete configuration ([`Config::default`]), on loopback.
//! - A key that nobody reads is an error, so each key that is accepted has an effect.
//! - A relative path in the file is relative to the file, one in a variable to the working directory.

mod apple;
pub(crate) mod gateway;
mod imap;
mod jmap;
mod oauth;
mod push_limits;
mod source;
mod submission;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::Url;

pub(crate) use apple::{Apple, Identity};
pub(crate) use oauth::{Introspection, OAuth};
pub(crate) use push_limits::{MessageRate, PushLimits};
pub(crate) use source::variable_name;
use source::{ConfigError, Place, Raw, Reader, Source};
pub(crate) use submission::{Submission, SubmissionTls};
pub(crate) use value::ListenAddress;

/// Everything an operator can set.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where accounts, mail, keys and sockets without a path of their own live.
    pub(crate) data_dir: PathBuf,
    /// The name that this server calls itself: greetings, local addresses, development certificate.
    pub(crate) hostname: String,
    /// What is listened on.
    pub(crate) listen: Listen,
    /// The operator's certificate; `None` makes a development certificate.
    pub(crate) tls: Option<CertificateFiles>,
    /// IMAP.
    pub(crate) imap: imap::Imap,
    /// JMAP.
    pub(crate) jmap: jmap::Jmap,
    /// Who may log in.
    pub(crate) authentication: Authentication,
    /// Web Push to devices.
    pub(crate) push: Push,
    /// Pushes by Apple's service; `None` if they are not offered.
    pub(crate) apple: Option<Apple>,
    /// Our own push service.
    pub(crate) push_service: PushService,
    /// What happens to a message between LMTP and the mailbox.
    pub(crate) delivery: Delivery,
    /// The smarthost that mail is sent through; `None` if none is sent.
    pub(crate) submission: Option<Submission>,
    /// How much of everything.
    pub(crate) limits: Limits,
    /// What is written to standard error.
    pub(crate) log: Log,
}

/// `[listen]`. An empty list switches a listener off.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    /// LMTP with STARTTLS.
    pub(crate) lmtp: Vec<ListenAddress>,
    /// IMAP with STARTTLS.
    pub(crate) imap: Vec<ListenAddress>,
    /// IMAP over TLS.
    pub(crate) imaps: Vec<ListenAddress>,
    /// Health, metrics and JMAP, not encrypted: for the operator's network and proxies with TLS.
    pub(crate) http: Vec<ListenAddress>,
    /// JMAP over TLS, and health and metrics for trusted addresses.
    pub(crate) https: Vec<ListenAddress>,
    /// The push service, over TLS. TCP only.
    pub(crate) push: Vec<ListenAddress>,
}

/// `[tls]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    /// PEM, the server's certificate first, then the intermediate ones.
    pub(crate) certificate: PathBuf,
    /// PEM, PKCS #8 or SEC1 or PKCS #1.
    pub(crate) key: PathBuf,
}

/// `[auth]`.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    /// Accounts whose main password opens every account.
    pub(crate) masters: Vec<String>,
    /// `[oauth]`; `None` if no tokens are taken.
    pub(crate) oauth: Option<OAuth>,
}

/// `[push]`.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    /// RFC 8292 §2.1: whom a push service may write to. Without it nothing is posted to a public origin.
    pub(crate) contact: Option<String>,
    /// Networks that may be posted to although they are not global.
    pub(crate) allow_addresses: Vec<IpNet>,
    /// Whether endpoints may be `http:`.
    pub(crate) allow_http: bool,
    /// PEM files with certificate authorities that are trusted besides the system's.
    pub(crate) extra_ca: Vec<PathBuf>,
    /// The shortest time between two pushes to one subscription.
    pub(crate) min_interval: Duration,
    /// Names of mailboxes whose changes ring nobody.
    pub(crate) silent_mailboxes: Vec<String>,
    /// Whether PUSH-NOTIFY-HTTP=PUT tells of mail in any mailbox, not only in INBOX.
    pub(crate) http_put_any_mailbox: bool,
}

/// `[push_service]`.
#[derive(Clone, Debug)]
pub(crate) struct PushService {
    /// The origin that its endpoint URLs begin with; `None` is this host's name and the port that it listens on.
    pub(crate) public_url: Option<Url>,
    /// Whether TLS is done in front of the push listener, which then speaks plain HTTP.
    pub(crate) tls_in_front: bool,
    /// The file with the token that may set broadcasts; without it nobody may.
    pub(crate) broadcast_token_file: Option<PathBuf>,
    /// What its users can cause.
    pub(crate) limits: PushLimits,
}

/// `[delivery]`.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Header fields and values by which the filter in front marks spam.
    pub(crate) spam_headers: Vec<(String, String)>,
    /// What stands between account and mailbox in `alice+Lists`; `None` switches sub-addressing off.
    pub(crate) subaddress_separator: Option<char>,
    /// The account that gets what is addressed to nobody.
    pub(crate) catch_all: Option<String>,
}

/// `[limits]`.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Octets of one message over LMTP and APPEND; above it 552 or NO [TOOBIG].
    pub(crate) message_bytes: u64,
    /// LMTP connections at a time; above it 421.
    pub(crate) lmtp_connections: usize,
    /// Networks whose addresses stand for many, or for us: no limit for an address concerns them.
    pub(crate) trusted_addresses: Vec<IpNet>,
    /// LMTP connections of one address at a time; above it 421.
    pub(crate) lmtp_connections_per_address: usize,
    /// Recipients of one LMTP transaction; above it 452.
    pub(crate) lmtp_recipients: usize,
    /// Silence after which an LMTP connection is closed.
    pub(crate) lmtp_idle: Duration,
    /// IMAP connections at a time; above it BYE.
    pub(crate) imap_connections: usize,
    /// IMAP connections of one address at a time; above it BYE [LIMIT].
    pub(crate) imap_connections_per_address: usize,
    /// IMAP sessions of one account at a time; above it NO [LIMIT].
    pub(crate) imap_connections_per_account: usize,
    /// How long the answer to the first wrong password waits.
    pub(crate) login_delay: Duration,
    /// Wrong passwords from one address until it is banned.
    pub(crate) login_failures_per_address: usize,
    /// Wrong passwords for one account until it is closed to strangers.
    pub(crate) login_failures_per_account: usize,
    /// How long the first ban lasts.
    pub(crate) login_ban: Duration,
    /// WEBPUSH commands of one account in a minute; above it NO [LIMIT], as for the next three.
    pub(crate) webpush_commands_per_minute: usize,
    /// Tokens pushed to one host and not acknowledged.
    pub(crate) webpush_tokens_per_host: usize,
    /// Those of one account among them.
    pub(crate) webpush_tokens_per_account: usize,
    /// Push subscriptions of one account.
    pub(crate) webpush_subscriptions: usize,
    /// Silence after which an IMAP connection is closed, RFC 9051 §5.4: at least 30 minutes.
    pub(crate) imap_idle: Duration,
}

/// `[log]`.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// Directives as `tracing_subscriber::EnvFilter` takes them: `info`, `info,imap=debug`.
    pub(crate) level: String,
    /// How a line looks.
    pub(crate) format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A configuration that was read, with what was noticed on the way.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// Every key there is; which ones is for `check-config` and the tests.
    pub(crate) keys: Vec<&'static str>,
    /// `MAILBELL_...` variables that name no key. Not an error: others may use the prefix.
    pub(crate) unknown_variables: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        assemble(&mut Reader::new(Source::default()))
    }
}

impl Config {
    /// Reads `file` (or, if that is `None`, `mailbell.toml` in the working directory, if there is one) and the
    /// process's variables. The error lists everything that is wrong, one line each.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Loaded> {
        let text = match file {
            Some(file) => {
                let read = std::fs::read_to_string(file);
                Some((
                    file,
                    read.with_context(|| format!("cannot read the configuration {}", file.display()))?,
                ))
            }
            None => {
                let file = Path::new(FILE_DEFAULT);
                match std::fs::read_to_string(file) {
                    Ok(text) => Some((file, text)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                    Err(error) => return Err(error).context(format!("cannot read {FILE_DEFAULT}")),
                }
            }
        };
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name != CONFIG_VARIABLE)
            .collect();
        let file = text.as_ref().map(|(file, text)| (*file, text.as_str()));
        Self::parse(file, variables).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ConfigError::to_string).collect();
            anyhow::anyhow!("{}", lines.join("\n"))
        })
    }

    fn parse(
        file: Option<(&Path, &str)>,
        variables: BTreeMap<String, String>,
    ) -> Result<Loaded, Vec<ConfigError>> {
        let mut source = Source::default();
        if let Some((name, text)) = file {
            source.parse_file(name, text).map_err(|error| vec![error])?;
        }
        source.take_variables(variables);
        let mut reader = Reader::new(source);
        let config = assemble(&mut reader);
        let finished = reader.finish();
        if finished.errors.is_empty() {
            Ok(Loaded { config, keys: finished.keys, unknown_variables: finished.unknown_variables })
        } else {
            Err(finished.errors)
        }
    }
}

fn assemble(reader: &mut Reader) -> Config {
    Config {
        hostname: reader.read("hostname", "localhost".to_owned(), value::hostname),
        listen: listen(reader),
        data_dir: path(reader, "data_dir").unwrap_or_else(|| PathBuf::from("mailbell-data")),
        tls: certificate_files(reader),
        imap: imap::read(reader),
        jmap: jmap::read(reader),
        authentication: authentication(reader),
        push: push(reader),
        apple: apple::read(reader),
        push_service: push_service(reader),
        delivery: delivery(reader),
        submission: submission::read(reader),
        limits: limits(reader),
        log: log(reader),
    }
}

fn listen(reader: &mut Reader) -> Listen {
    let mut read = |key, port, parse: fn(&Raw) -> Result<Vec<ListenAddress>, String>| match reader
        .read_placed(key, parse)
    {
        Some((addresses, place)) => addresses.into_iter().map(|address| beside(address, &place)).collect(),
        None => Option::into_iter(port).map(|port| ListenAddress::Tcp(loopback(port))).collect(),
    };
    Listen {
        lmtp: read("listen.lmtp", Some(2424), value::listen),
        imap: read("listen.imap", Some(2143), value::listen),
        imaps: read("listen.imaps", Some(2993), value::listen),
        http: read("listen.http", Some(2080), value::listen),
        https: read("listen.https", None, value::listen),
        push: read("listen.push", Some(2443), value::listen_tcp),
    }
}

fn certificate_files(reader: &mut Reader) -> Option<CertificateFiles> {
    let certificate = reader.read_placed("tls.certificate", value::path);
    let key = reader.read_placed("tls.key", value::path);
    match (certificate, key) {
        (Some((certificate, at)), Some((key, key_at))) => Some(CertificateFiles {
            certificate: relative_to(&at, certificate),
            key: relative_to(&key_at, key),
        }),
        (Some((_, at)), None) => {
            reader.refuse("tls.certificate", at, "tls.key is missing".to_owned());
            None
        }
        (None, Some((_, at))) => {
            reader.refuse("tls.key", at, "tls.certificate is missing".to_owned());
            None
        }
        (None, None) => None,
    }
}

fn authentication(reader: &mut Reader) -> Authentication {
    let masters = reader.read("auth.masters", Vec::new(), value::list);
    Authentication { masters, oauth: oauth::read(reader) }
}

fn push(reader: &mut Reader) -> Push {
    let extra_ca = reader.read_placed("push.extra_ca", value::paths);
    let silent = ["Junk", "Trash"].map(str::to_owned).to_vec();
    Push {
        contact: reader.read("push.contact", None, |raw| value::contact(raw).map(Some)),
        allow_addresses: reader.read("push.allow_addresses", Vec::new(), value::networks),
        allow_http: reader.read("push.allow_http", false, value::flag),
        extra_ca: extra_ca.map_or_else(Vec::new, |(paths, place)| {
            paths.into_iter().map(|path| relative_to(&place, path)).collect()
        }),
        min_interval: reader.read("push.min_interval", Duration::from_secs(5), value::duration),
        silent_mailboxes: reader.read("push.silent_mailboxes", silent, value::list),
        http_put_any_mailbox: reader.read("push.http_put_any_mailbox", false, value::flag),
    }
}

fn push_service(reader: &mut Reader) -> PushService {
    PushService {
        public_url: reader.read("push_service.public_url", None, |raw| value::origin(raw).map(Some)),
        tls_in_front: reader.read("push_service.tls_in_front", false, value::flag),
        broadcast_token_file: path(reader, "push_service.broadcast_token_file"),
        limits: push_limits::read(reader),
    }
}

fn delivery(reader: &mut Reader) -> Delivery {
    let marks = [("X-Spam-Flag", "YES"), ("X-Spam", "Yes")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    Delivery {
        spam_headers: reader.read("delivery.spam_headers", marks.to_vec(), value::header_marks),
        subaddress_separator: reader.read("delivery.subaddress_separator", Some('+'), value::separator),
        catch_all: reader.read("delivery.catch_all", None, value::optional_text),
    }
}

fn limits(reader: &mut Reader) -> Limits {
    Limits {
        message_bytes: reader.read("limits.message_bytes", 50 << 20, value::bytes),
        lmtp_connections: reader.read("limits.lmtp_connections", 256, value::count),
        trusted_addresses: reader.read("limits.trusted_addresses", this_machine(), value::networks),
        lmtp_connections_per_address: reader.read("limits.lmtp_connections_per_address", 256, value::count),
        lmtp_recipients: reader.read("limits.lmtp_recipients", 1000, value::count),
        lmtp_idle: reader.read("limits.lmtp_idle", Duration::from_secs(300), value::duration),
        imap_connections: reader.read("limits.imap_connections", 20_000, value::count),
        imap_connections_per_address: reader.read("limits.imap_connections_per_address", 200, value::count),
        imap_connections_per_account: reader.read("limits.imap_connections_per_account", 200, value::count),
        login_delay: reader.read("limits.login_delay", Duration::from_secs(1), value::duration),
        login_failures_per_address: reader.read("limits.login_failures_per_address", 20, value::count),
        login_failures_per_account: reader.read("limits.login_failures_per_account", 50, value::count),
        login_ban: reader.read("limits.login_ban", Duration::from_secs(600), value::duration),
        webpush_commands_per_minute: reader.read("limits.webpush_commands_per_minute", 30, value::count),
        webpush_tokens_per_host: reader.read("limits.webpush_tokens_per_host", 200, value::count),
        webpush_tokens_per_account: reader.read("limits.webpush_tokens_per_account", 20, value::count),
        webpush_subscriptions: reader.read("limits.webpush_subscriptions", 50, value::count),
        imap_idle: reader.read("limits.imap_idle", Duration::from_secs(1860), value::duration),
    }
}

fn log(reader: &mut Reader) -> Log {
    Log {
        level: reader.read("log.level", "info".to_owned(), |raw| {
            let level = value::text(raw)?;
            match tracing_subscriber::EnvFilter::try_new(&level) {
                Ok(_) => Ok(level),
                Err(_) => Err(format!("{level:?} is not a level such as \"info\" or \"info,imap=debug\"")),
            }
        }),
        format: reader.read("log.format", LogFormat::Text, |raw| match value::text(raw)?.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("{other:?} is not \"text\" or \"json\"")),
        }),
    }
}

fn path(reader: &mut Reader, key: &'static str) -> Option<PathBuf> {
    reader.read_placed(key, value::path).map(|(path, place)| relative_to(&place, path))
}

fn relative_to(place: &Place, path: PathBuf) -> PathBuf {
    match place {
        Place::Line { file, .. } => file.parent().unwrap_or(Path::new("")).join(path),
        Place::Variable(_) => path,
    }
}

fn beside(address: ListenAddress, place: &Place) -> ListenAddress {
    match address {
        ListenAddress::Unix(path) => ListenAddress::Unix(relative_to(place, path)),
        tcp @ ListenAddress::Tcp(_) => tcp,
    }
}

/// Proxies and web mail are here, and behind them everybody.
fn this_machine() -> Vec<IpNet> {
    vec![
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    ]
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A size as the configuration writes it (`5GiB`), for the command line.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    value::bytes(&Raw::Variable(text.to_owned()))
}

/// The file that is read when none is named and it exists.
const FILE_DEFAULT: &str = "mailbell.toml";

/// The variable that names the file itself; the command line reads it.
pub(crate) const CONFIG_VARIABLE: &str = "MAILBELL_CONFIG";
