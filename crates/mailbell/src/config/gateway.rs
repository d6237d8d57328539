//! The gateway file of `mailbell listen --gateway`: the push service, the spool, and `[[subscription]]` after
//! `[[subscription]]`, read and told wrong as the server's own configuration is.
//!
//! Secrets stand in files or environment variables that the gateway file names; they are read with it, so that a reload
//! sees a changed password as a change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::gateway::spool::Limits;
use agent::imap::registration::Account;
use agent::transport::Address;
use agent::trust::Trust;
use anyhow::Context as _;
use url::Url;
use webpush::key::PublicKey;

use super::source::{ConfigError, Place, Raw, Reader, Source};
use super::{path, relative_to, value};

#[cfg(test)]
mod tests;

/// A gateway file.
#[derive(Clone, Debug)]
pub(crate) struct GatewayFile {
    /// What can't be changed while the gateway runs.
    pub(crate) fixed: Fixed,
    /// A command that is told each endpoint.
    pub(crate) on_endpoint: Option<String>,
    /// The MQTT broker.
    pub(crate) mqtt: Option<Mqtt>,
    /// In the order of the file, with different names.
    pub(crate) subscriptions: Vec<Subscription>,
}

/// What takes effect at a start only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    /// The push service, `ws:` or `wss:`.
    pub(crate) service: String,
    /// A PEM file with an authority to trust besides the system's.
    pub(crate) ca: Option<PathBuf>,
    /// Where the agent's id and keys are remembered.
    pub(crate) state: Option<PathBuf>,
    /// Where messages wait; `None` is beside the state.
    pub(crate) spool: Option<PathBuf>,
    /// How much may wait.
    pub(crate) limits: Limits,
}

/// `[mqtt]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mqtt {
    /// The broker.
    pub(crate) address: Address,
    /// Whether it is spoken to by TLS.
    pub(crate) is_tls: bool,
    /// Who logs in, if anybody.
    pub(crate) login: Option<(String, Secret)>,
    /// `None` makes one of the agent's own.
    pub(crate) client_id: Option<String>,
    /// Longer messages are dropped.
    pub(crate) message_bytes: usize,
}

/// `[[subscription]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Its name in this file, in the state and in logs.
    pub(crate) name: String,
    /// Who pushes.
    pub(crate) source: PushedBy,
    /// Where messages go.
    pub(crate) target: HandedTo,
    /// How long a target may take for a message.
    pub(crate) time_max: Duration,
}

/// Who pushes to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PushedBy {
    /// Whoever knows the endpoint.
    Anybody {
        /// Only with this key, if there is one.
        vapid: Option<PublicKey>,
        /// Whether messages are handed on as they came, encrypted.
        is_raw: bool,
    },
    /// A mail server.
    Account {
        /// `imaps://user@host`.
        url: String,
        /// Of the account, or of one of its app passwords.
        password: Secret,
    },
}

/// Where the messages of a subscription go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HandedTo {
    /// A shell command.
    Exec(String),
    /// A URL.
    Post {
        /// `http:` or `https:`.
        url: String,
        /// The value of an Authorization field.
        authorization: Option<Secret>,
    },
    /// A topic of the broker.
    Mqtt {
        /// Its name.
        topic: String,
        /// Whether the broker keeps the last message.
        is_retained: bool,
    },
}

/// A secret that does not print.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The secret.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl GatewayFile {
    /// Reads a file; everything that is wrong is told at once, each with its line.
    pub(crate) fn load(file: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(file, &text).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ConfigError::to_string).collect();
            anyhow::anyhow!("{}", lines.join("\n"))
        })
    }

    fn parse(file: &Path, text: &str) -> Result<Self, Vec<ConfigError>> {
        let mut source = Source::default();
        let list = source.parse_file_with_list(file, text, "subscription").map_err(|error| vec![error])?;
        let top = Place::Line { file: file.to_owned(), line: 1 };
        let mut reader = Reader::new(source);
        let fixed = fixed(&mut reader, &top);
        let on_endpoint = reader.read("on_endpoint", None, |raw| value::text(raw).map(Some));
        let mqtt = mqtt(&mut reader);
        let mut errors = reader.finish().errors;
        let mut subscriptions: Vec<Subscription> = Vec::new();
        for (source, place) in list {
            let mut reader = Reader::new(source);
            let read = Block { reader: &mut reader, place, has_broker: mqtt.is_some() }.subscription();
            if let Some((subscription, at)) = read {
                if subscriptions.iter().any(|other| other.name == subscription.name) {
                    let problem = format!("{:?} is the name of another subscription", subscription.name);
                    reader.refuse("subscription.name", at, problem);
                }
                subscriptions.push(subscription);
            }
            errors.extend(reader.finish().errors);
        }
        errors.sort_by_key(ConfigError::line);
        match fixed {
            Some(fixed) if errors.is_empty() => Ok(Self { fixed, on_endpoint, mqtt, subscriptions }),
            _ => Err(errors),
        }
    }
}

fn fixed(reader: &mut Reader, top: &Place) -> Option<Fixed> {
    let service = reader.read_placed("service", |raw| web_socket(raw).map(Some));
    if service.is_none() && !reader.has_error_for("service") {
        reader.refuse("service", top.clone(), "is missing: the push service, wss://...".to_owned());
    }
    let defaults = Limits::default();
    let limits = Limits {
        messages: reader.read("spool.messages", defaults.messages, value::count),
        bytes: reader.read("spool.bytes", defaults.bytes, value::bytes),
        age: reader.read("spool.age", defaults.age, value::duration),
    };
    Some(Fixed {
        ca: path(reader, "ca"),
        state: path(reader, "state"),
        spool: path(reader, "spool.directory"),
        limits,
        service: service?.0?,
    })
}

fn mqtt(reader: &mut Reader) -> Option<Mqtt> {
    let url = reader.read_placed("mqtt.url", broker);
    let username = reader.read_placed("mqtt.username", value::text);
    let password = secret(reader, "mqtt.password_file", "mqtt.password_variable");
    let client_id = reader.read_placed("mqtt.client_id", value::text);
    let message_bytes = reader.read("mqtt.message_bytes", MQTT_MESSAGE_BYTES, |raw| {
        usize::try_from(value::bytes(raw)?)
            .ok()
            .filter(|bytes| *bytes <= MQTT_MESSAGE_BYTES_MAX)
            .ok_or_else(|| "is more than 255MiB, which MQTT has room for".to_owned())
    });
    let login = match (username, password) {
        (Some((name, _)), Some((password, _))) => Some((name, password)),
        // [MQTT-3.1.2-22]: no password without a user name; a user name alone logs in nobody.
        (Some((_, at)), None) => {
            reader.refuse(
                "mqtt.username",
                at,
                "mqtt.password_file or mqtt.password_variable is missing".to_owned(),
            );
            None
        }
        (None, Some((_, at))) => {
            reader.refuse("mqtt.password_file", at, "mqtt.username is missing".to_owned());
            None
        }
        (None, None) => None,
    };
    let ((address, is_tls), _) = url?;
    Some(Mqtt { address, is_tls, login, client_id: client_id.map(|(id, _)| id), message_bytes })
}

/// One `[[subscription]]`.
struct Block<'a> {
    reader: &'a mut Reader,
    place: Place,
    has_broker: bool,
}

impl Block<'_> {
    fn subscription(mut self) -> Option<(Subscription, Place)> {
        let name = self.reader.read_placed("subscription.name", name);
        if name.is_none() && !self.reader.has_error_for("subscription.name") {
            self.reader.refuse("subscription.name", self.place.clone(), "is missing".to_owned());
        }
        let source = self.source();
        let target = self.target();
        let time_max = self.reader.read("subscription.timeout", Duration::from_secs(30), value::duration);
        let (name, at) = name?;
        Some((Subscription { name, source: source?, target: target?, time_max }, at))
    }

    fn source(&mut self) -> Option<PushedBy> {
        let vapid = self.reader.read_placed("subscription.vapid", |raw| {
            let text = value::text(raw)?;
            PublicKey::from_base64url_maybe_padded(&text)
                .map_err(|_| format!("{text:?} is not a public key on P-256 in base64url"))
        });
        let raw = self.reader.read_placed("subscription.raw", value::flag);
        let account = self.reader.read_placed("subscription.imap", account);
        let password = secret(self.reader, "subscription.password_file", "subscription.password_variable");
        let Some((url, at)) = account else {
            if let Some((_, at)) = password {
                let problem = "is for an account, and subscription.imap is missing".to_owned();
                self.reader.refuse("subscription.password_file", at, problem);
            }
            let vapid = vapid.map(|(key, _)| key);
            return Some(PushedBy::Anybody { vapid, is_raw: raw.is_some_and(|(raw, _)| raw) });
        };
        let mine =
            [("subscription.vapid", vapid.map(|(_, at)| at)), ("subscription.raw", raw.map(|(_, at)| at))];
        for (key, at) in mine.into_iter().filter_map(|(key, at)| Some((key, at?))) {
            self.reader.refuse(
                key,
                at,
                "is not for an account: its server has a key and encrypts for us".to_owned(),
            );
        }
        let Some((password, _)) = password else {
            let problem =
                "subscription.password_file or subscription.password_variable is missing".to_owned();
            self.reader.refuse("subscription.imap", at, problem);
            return None;
        };
        Some(PushedBy::Account { url, password })
    }

    fn target(&mut self) -> Option<HandedTo> {
        let exec = self.reader.read_placed("subscription.exec", value::text);
        let post = self.reader.read_placed("subscription.post", web);
        let topic = self.reader.read_placed("subscription.mqtt", topic);
        let authorization =
            secret(self.reader, "subscription.authorization_file", "subscription.authorization_variable");
        let retain = self.reader.read_placed("subscription.retain", value::flag);
        if let (Some((_, at)), None) = (&authorization, &post) {
            let problem = "is for subscription.post".to_owned();
            self.reader.refuse("subscription.authorization_file", at.clone(), problem);
        }
        if let (Some((_, at)), None) = (&retain, &topic) {
            self.reader.refuse("subscription.retain", at.clone(), "is for subscription.mqtt".to_owned());
        }
        if let (Some((_, at)), false) = (&topic, self.has_broker) {
            self.reader.refuse(
                "subscription.mqtt",
                at.clone(),
                "needs a broker: mqtt.url is missing".to_owned(),
            );
        }
        match (exec, post, topic) {
            (Some((line, _)), None, None) => Some(HandedTo::Exec(line)),
            (None, Some((url, _)), None) => {
                Some(HandedTo::Post { url, authorization: authorization.map(|(secret, _)| secret) })
            }
            (None, None, Some((topic, _))) => {
                Some(HandedTo::Mqtt { topic, is_retained: retain.is_some_and(|(retain, _)| retain) })
            }
            (None, None, None) if TARGETS.iter().any(|key| self.reader.has_error_for(key)) => None,
            (None, None, None) => {
                let problem = "has no target: exec, post or mqtt".to_owned();
                self.reader.refuse("subscription", self.place.clone(), problem);
                None
            }
            _ => {
                let problem = "has more than one target of exec, post and mqtt".to_owned();
                self.reader.refuse("subscription", self.place.clone(), problem);
                None
            }
        }
    }
}

/// A secret from a file (without the line end after it) or from a variable.
fn secret(reader: &mut Reader, file: &'static str, variable: &'static str) -> Option<(Secret, Place)> {
    let from_file = reader.read_placed(file, value::path);
    let from_variable = reader.read_placed(variable, |raw| {
        let name = value::text(raw)?;
        std::env::var(&name).map(Secret).map_err(|_| format!("there is no environment variable {name}"))
    });
    let Some((path, place)) = from_file else { return from_variable };
    if from_variable.is_some() {
        reader.refuse(file, place, format!("is set, and {variable} too"));
        return None;
    }
    match std::fs::read_to_string(relative_to(&place, path)) {
        Ok(text) => Some((Secret(text.trim_end_matches(['\r', '\n']).to_owned()), place)),
        Err(error) => {
            reader.refuse(file, place, format!("cannot be read: {error}"));
            None
        }
    }
}

fn name(raw: &Raw) -> Result<String, String> {
    let name = value::text(raw)?;
    let is_good = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    if name.len() <= NAME_BYTES_MAX && name.chars().all(is_good) {
        Ok(name)
    } else {
        Err(format!("{name:?} is not of at most {NAME_BYTES_MAX} letters, digits and . _ @ + -"))
    }
}

fn web_socket(raw: &Raw) -> Result<String, String> {
    url_of(raw, &["ws", "wss"], "a ws: or wss: URL").map(|(text, _)| text)
}

fn web(raw: &Raw) -> Result<String, String> {
    let wanted = "an http: or https: URL without user and password";
    let (text, url) = url_of(raw, &["http", "https"], wanted)?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(text)
    } else {
        Err(format!("{text:?} is not {wanted}"))
    }
}

fn broker(raw: &Raw) -> Result<(Address, bool), String> {
    let wanted = "a URL such as mqtts://broker.example (mqtt: without TLS)";
    let (text, url) = url_of(raw, &["mqtt", "mqtts"], wanted)?;
    let is_tls = url.scheme() == "mqtts";
    let is_plain = url.username().is_empty() && matches!(url.path(), "" | "/") && url.query().is_none();
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port().unwrap_or(if is_tls { 8883 } else { 1883 });
    if is_plain { Ok((Address { host, port }, is_tls)) } else { Err(format!("{text:?} is not {wanted}")) }
}

fn url_of(raw: &Raw, schemes: &[&str], wanted: &str) -> Result<(String, Url), String> {
    let text = value::text(raw)?;
    let url = Url::parse(&text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host());
    url.map(|url| (text.clone(), url)).ok_or_else(|| format!("{text:?} is not {wanted}"))
}

/// Only judged: the account is made when the authorities are known.
fn account(raw: &Raw) -> Result<String, String> {
    let text = value::text(raw)?;
    let trust = Trust::system().map_err(|error| error.to_string())?;
    match Account::parse(&text, "", trust) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("{text:?} is {error}")),
    }
}

/// [MQTT-3.3.2-2]: no wildcards.
fn topic(raw: &Raw) -> Result<String, String> {
    let text = value::text(raw)?;
    if text.contains(['+', '#', '\0']) || text.len() > usize::from(u16::MAX) {
        return Err(format!("{text:?} is not a topic to publish to"));
    }
    Ok(text)
}

const TARGETS: [&str; 3] = ["subscription.exec", "subscription.post", "subscription.mqtt"];
const NAME_BYTES_MAX: usize = 100;
const MQTT_MESSAGE_BYTES: usize = 64 << 10;
const MQTT_MESSAGE_BYTES_MAX: usize = 255 << 20;
