//! The IMAP responses in a push (draft-gougeon-imap-webpush), as values that print as JSON.
//!
//! For people and scripts, not for a mail client's cache: what is not understood is passed on as text, and nothing that
//! a server pushes makes this fail.

pub mod encoded_word;
pub mod fetch;
pub mod syntax;

use serde::Serialize;

use self::fetch::Fetch;
use self::syntax::Value;

/// One pushed response.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "response", rename_all = "UPPERCASE")]
pub enum Response {
    /// The mailbox that what follows is about.
    Select {
        /// Its name.
        mailbox: String,
    },
    /// A message that is new or has changed (RFC 9586).
    UidFetch(Box<Fetch>),
    /// Messages that are gone (RFC 7162 §3.2.10).
    Vanished {
        /// As sent, for example `3:5,9`.
        uids: String,
    },
    /// Something has changed that the push does not tell: synchronise.
    Sync {
        /// The first word of the response that is not told.
        #[serde(skip_serializing_if = "Option::is_none")]
        what: Option<String>,
    },
    /// A mailbox was made, renamed or deleted.
    List {
        /// Such as `\NonExistent`.
        attributes: Vec<String>,
        /// The separator of levels.
        #[serde(skip_serializing_if = "Option::is_none")]
        delimiter: Option<String>,
        /// Its name.
        mailbox: String,
        /// The name before it was renamed (RFC 9051 §6.3.9.7).
        #[serde(skip_serializing_if = "Option::is_none")]
        old_name: Option<String>,
    },
    /// The flags that the mailbox knows.
    Flags {
        /// Such as `\Seen` and keywords.
        flags: Vec<String>,
    },
    /// The server's key is about to change: register again.
    Vapid {
        /// The new key, base64url.
        key: String,
    },
    /// The token that confirms a subscription. A secret for ten minutes.
    AckWebPush {
        /// To be sent back with `ACKWEBPUSH`.
        token: String,
    },
    /// Anything else, as text.
    Other {
        /// Without the star and the line end.
        text: String,
    },
}

/// Whether a push brings the token of a subscription (draft-gougeon-imap-webpush §5.3), which is the agent's own business.
#[must_use]
pub fn is_token(cleartext: &[u8]) -> bool {
    parse(cleartext).iter().any(|response| matches!(response, Response::AckWebPush { .. }))
}

impl Response {
    /// The token of an `ACKWEBPUSH`.
    #[must_use]
    pub fn into_token(self) -> Option<String> {
        match self {
            Self::AckWebPush { token } => Some(token),
            _ => None,
        }
    }
}

/// Reads the cleartext of a push: responses that each begin with `* ` and end with a line end.
#[must_use]
pub fn parse(cleartext: &[u8]) -> Vec<Response> {
    syntax::split_responses(cleartext).into_iter().map(response).collect()
}

fn response(bytes: &[u8]) -> Response {
    let text = || Response::Other { text: String::from_utf8_lossy(bytes).into_owned() };
    let Ok(values) = syntax::parse_line(bytes) else { return text() };
    understand(&values).unwrap_or_else(text)
}

fn understand(values: &[Value]) -> Option<Response> {
    let first = values.first()?.word()?.to_ascii_uppercase();
    let argument = values.get(1);
    let response = match (first.as_str(), values.len()) {
        ("SELECT", 2) => Response::Select { mailbox: argument?.text()? },
        // RFC 7162 §3.2.10: `(EARLIER)` stands before the set in an answer, never in a push.
        ("VANISHED", 2) => Response::Vanished { uids: argument?.word()?.to_owned() },
        ("SYNC", 1) => Response::Sync { what: None },
        ("SYNC", 2) => Response::Sync { what: Some(argument?.word()?.to_owned()) },
        ("FLAGS", 2) => Response::Flags { flags: argument?.words()? },
        ("VAPID", 2) => Response::Vapid { key: argument?.text()? },
        ("ACKWEBPUSH", 2) => Response::AckWebPush { token: argument?.text()? },
        ("LIST", 4 | 5) => list(values)?,
        (_, 3) if values.get(1)?.word()?.eq_ignore_ascii_case("UIDFETCH") => {
            Response::UidFetch(Box::new(Fetch::read(first.parse().ok()?, values.get(2)?.list()?)?))
        }
        _ => return None,
    };
    Some(response)
}

fn list(values: &[Value]) -> Option<Response> {
    let old_name = match values.get(4) {
        Some(extended) => extended.list()?.chunks_exact(2).find_map(|pair| match pair {
            // RFC 9051 §9 `mbox-list-extended-item-tag` is an astring: quoted or not.
            [name, Value::List(old)] if name.text()?.eq_ignore_ascii_case("OLDNAME") => old.first()?.text(),
            _ => None,
        }),
        None => None,
    };
    Some(Response::List {
        attributes: values.get(1)?.words()?,
        delimiter: values.get(2)?.text(),
        mailbox: values.get(3)?.text()?,
        old_name,
    })
}

#[cfg(test)]
mod tests;
