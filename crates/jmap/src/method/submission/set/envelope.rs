//! An envelope that a client has given, and what its parameters ask for.
//!
//! RFC 4865 FUTURERELEASE is ours to obey; parameters of RFC 3461 go to the smarthost, where the operator says that it knows them.
//! SIZE, BODY and SMTPUTF8 are set as the message needs them, whatever was given.

use serde::Deserialize;
use serde_json::{Map, Value};
use store::{EnvelopeAddress, SmtpParameters, UnixTime};

use crate::reply::SetError;
use crate::server::Sending;
use crate::wire::date;

/// From whom, to whom and when.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) mail_from: EnvelopeAddress,
    pub(super) recipients: Vec<EnvelopeAddress>,
    pub(super) send_at: UnixTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    mail_from: Address,
    rcpt_to: Vec<Address>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    email: String,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

/// Reads an envelope. A recipient that stands twice is there once: its delivery status has one name.
pub(super) fn given(value: Value, (sending, now): (&Sending, UnixTime)) -> Result<Given, SetError> {
    let wrong = |why: &str| SetError::new("invalidProperties", why).about("envelope");
    let envelope: Envelope = serde_json::from_value(value).map_err(|_| wrong("not an Envelope object"))?;
    let mail_from = read(envelope.mail_from, (&MAIL, sending)).map_err(|why| wrong(&why))?;
    let send_at = release(&mail_from, (sending, now)).map_err(|why| wrong(&why))?;
    let mut recipients: Vec<EnvelopeAddress> = Vec::new();
    for address in envelope.rcpt_to {
        let recipient = read(address, (&RCPT, sending)).map_err(|why| wrong(&why))?;
        if !recipients.iter().any(|known| known.email == recipient.email) {
            recipients.push(recipient);
        }
    }
    Ok(Given { mail_from, recipients, send_at })
}

/// A parameter: its name, the extension's that it belongs to, and whether a value is one of it.
type Parameter = (&'static str, Extension, fn(Option<&str>) -> bool);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extension {
    /// Always there.
    Ours,
    /// RFC 3461, if the smarthost knows it.
    Dsn,
}

fn read(
    Address { email, parameters }: Address,
    (known, sending): (&[Parameter], &Sending),
) -> Result<EnvelopeAddress, String> {
    let Some(parameters) = parameters else { return Ok(EnvelopeAddress { email, parameters: None }) };
    let mut taken = SmtpParameters::new();
    for (name, value) in parameters {
        let value = match value {
            Value::Null => None,
            Value::String(text) if text.len() <= VALUE_BYTES_MAX && !text.chars().any(char::is_control) => {
                Some(text)
            }
            _ => return Err(format!("the value of {name:?} is not a string")),
        };
        let found = known.iter().find(|(known, ..)| known.eq_ignore_ascii_case(&name));
        let Some((_, _, is_right)) = found.filter(|(_, of, _)| *of == Extension::Ours || sending.dsn) else {
            return Err(format!("the parameter {name:?} is not of an extension in submissionExtensions"));
        };
        if !is_right(value.as_deref()) {
            return Err(format!("{name:?} can't be that"));
        }
        taken.push((name, value));
    }
    Ok(EnvelopeAddress { email, parameters: Some(taken) })
}

/// RFC 4865 §4: when it is to be sent.
fn release(mail_from: &EnvelopeAddress, (sending, now): (&Sending, UnixTime)) -> Result<UnixTime, String> {
    let named = |wanted: &str| {
        let mut pairs = mail_from.parameters.iter().flatten();
        pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?.1.as_deref()
    };
    let at = match (named("HOLDFOR"), named("HOLDUNTIL")) {
        (None, None) => return Ok(now),
        (Some(seconds), None) => now.0.saturating_add(seconds.parse().unwrap_or(i64::MAX)),
        (None, Some(until)) => date::parse_with_offset(until).map_or(i64::MAX, |(seconds, _)| seconds),
        (Some(_), Some(_)) => return Err("HOLDFOR and HOLDUNTIL are both given".to_owned()),
    };
    let delay = u64::try_from(at.saturating_sub(now.0)).unwrap_or(0);
    if delay > sending.delay_max.as_secs() {
        return Err("later than maxDelayedSend allows".to_owned());
    }
    Ok(UnixTime(at.max(now.0)))
}

/// RFC 4865 §4: 1*9DIGIT
fn is_interval(value: Option<&str>) -> bool {
    let is_number =
        |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    value.is_some_and(is_number)
}

fn is_date(value: Option<&str>) -> bool {
    value.is_some_and(|text| date::parse_with_offset(text).is_some())
}

/// RFC 3461 §4.1
fn is_notify(value: Option<&str>) -> bool {
    let is_event =
        |word: &str| ["SUCCESS", "FAILURE", "DELAY"].iter().any(|event| word.eq_ignore_ascii_case(event));
    value.is_some_and(|text| text.eq_ignore_ascii_case("NEVER") || text.split(',').all(is_event))
}

/// RFC 3461 §4.3
fn is_ret(value: Option<&str>) -> bool {
    value.is_some_and(|text| text.eq_ignore_ascii_case("FULL") || text.eq_ignore_ascii_case("HDRS"))
}

/// RFC 3461 §4.2, its xtext taken off.
fn is_orcpt(value: Option<&str>) -> bool {
    let is_type = |kind: &str| {
        !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    value.and_then(|text| text.split_once(';')).is_some_and(|(kind, rest)| is_type(kind) && !rest.is_empty())
}

fn is_anything(_: Option<&str>) -> bool {
    true
}

const MAIL: [Parameter; 7] = [
    ("HOLDFOR", Extension::Ours, is_interval),
    ("HOLDUNTIL", Extension::Ours, is_date),
    ("SIZE", Extension::Ours, is_anything),
    ("BODY", Extension::Ours, is_anything),
    ("SMTPUTF8", Extension::Ours, is_anything),
    ("RET", Extension::Dsn, is_ret),
    // RFC 8621 §7: replaced by one of ours.
    ("ENVID", Extension::Dsn, is_anything),
];
const RCPT: [Parameter; 2] = [("NOTIFY", Extension::Dsn, is_notify), ("ORCPT", Extension::Dsn, is_orcpt)];
/// RFC 3461 §4.2 has 500 for the longest.
const VALUE_BYTES_MAX: usize = 500;

#[cfg(test)]
mod tests;
