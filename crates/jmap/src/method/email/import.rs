//! Email/import (RFC 8621 §4.8).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use message::Parsed;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{Expected, NewEmail, Raw, UnixTime};

use super::filter::UtcDate;
use super::set::{Guard, created, flag_change, mailbox, state};
use crate::http::blob;
use crate::method::set::{SetPatch, set_of};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::{MethodError, SetError};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImportArguments {
    account_id: String,
    #[serde(default)]
    if_in_state: Option<String>,
    emails: BTreeMap<String, Map<String, Value>>,
}

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: ImportArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    if arguments.emails.len() > context.server.options.limits.objects_in_set {
        return Err(MethodError::RequestTooLarge);
    }
    let old = state(context).await?;
    if arguments.if_in_state.as_ref().is_some_and(|wanted| *wanted != old) {
        return Err(MethodError::StateMismatch);
    }
    let mut guard = Guard::new(arguments.if_in_state.as_deref());
    let (mut made, mut not_made) = (Map::new(), Map::new());
    for (key, email) in arguments.emails {
        let outcome = import(email, context, guard.expected).await;
        guard.pass(&outcome)?;
        match outcome {
            Ok(object) => {
                if let Some(id) = object.get("id").and_then(Value::as_str) {
                    context.created_ids.insert(key.clone(), id.to_owned());
                }
                made.insert(key, object);
            }
            Err(error) => {
                not_made.insert(key, error.value());
            }
        }
    }
    let some = |map: Map<String, Value>| if map.is_empty() { Value::Null } else { Value::Object(map) };
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(arguments.account_id));
    response.insert("oldState".to_owned(), Value::String(old));
    response.insert("newState".to_owned(), Value::String(state(context).await?));
    response.insert("created".to_owned(), some(made));
    response.insert("notCreated".to_owned(), some(not_made));
    Ok(response)
}

async fn import(
    mut email: Map<String, Value>,
    context: &Context<'_>,
    expected: Expected,
) -> Result<Value, SetError> {
    let place = Place::take(&mut email, context)?;
    let blob = email.remove("blobId").and_then(|blob| context.blob(blob.as_str()?));
    let blob = blob.ok_or_else(|| SetError::property("blobId"))?;
    if let Some(name) = email.keys().next() {
        return Err(SetError::property(name));
    }
    let read = blob::read(context.server, context.access, &blob).await;
    let bytes = read.map_err(|error| match error {
        MethodError::ServerUnavailable => SetError::new("serverUnavailable", "try again later"),
        _ => SetError::new("serverFail", "the blob can't be read"),
    })?;
    let bytes = with_line_ends(bytes.ok_or_else(|| SetError::property("blobId"))?);
    place.put(bytes, context, expected).await
}

/// Where a new email goes and with what.
pub(crate) struct Place {
    mailboxes: Vec<store::MailboxId>,
    flags: store::FlagChange,
    received_at: UnixTime,
}

impl Place {
    /// Takes `mailboxIds`, `keywords` and `receivedAt` out of an object.
    pub(crate) fn take(object: &mut Map<String, Value>, context: &Context<'_>) -> Result<Self, SetError> {
        let ids = object.remove("mailboxIds").and_then(|ids| set_of(&ids)).filter(|ids| !ids.is_empty());
        let ids = ids.ok_or_else(|| SetError::property("mailboxIds"))?;
        let mailboxes = ids.iter().map(|id| mailbox(id, context)).collect::<Result<_, _>>()?;
        let keywords = SetPatch::take(object, "keywords")?.unwrap_or_default();
        let received_at = match object.remove("receivedAt") {
            None | Some(Value::Null) => now(),
            Some(date) => {
                let date: Result<UtcDate, _> = serde_json::from_value(date);
                UnixTime(date.map_err(|_| SetError::property("receivedAt"))?.0)
            }
        };
        Ok(Self { mailboxes, flags: flag_change(&keywords)?, received_at })
    }

    /// Puts a message there; what the server set.
    pub(crate) async fn put(
        self,
        bytes: Bytes,
        context: &Context<'_>,
        expected: Expected,
    ) -> Result<Value, SetError> {
        let (size, max) = (bytes.len(), context.server.options.limits.message_bytes);
        if u64::try_from(size).unwrap_or(u64::MAX) > max {
            return Err(SetError::new("tooLarge", "the message is too large"));
        }
        let parse = move || {
            let parsed = Arc::new(Parsed::parse(&bytes));
            Raw { bytes, parsed }
        };
        let raw = tokio::task::spawn_blocking(parse).await;
        let raw = raw.map_err(|_| SetError::new("serverFail", "the message can't be parsed"))?;
        if raw.parsed.structure.fields().is_empty() {
            return Err(SetError::new("invalidEmail", "it does not begin with a header field"));
        }
        let new = NewEmail {
            raw,
            mailboxes: self.mailboxes,
            received_at: self.received_at,
            flags: self.flags.add,
            keywords: self.flags.add_keywords,
        };
        let (placed, _) = context.server.store.create_email_if(context.access, new, expected).await?;
        Ok(created(&placed, size))
    }
}

/// The time in seconds.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// IMAP has lines that end in CRLF (RFC 9051 §2.3.1); a client may have sent others.
fn with_line_ends(bytes: Bytes) -> Bytes {
    let mut before = 0_u8;
    let is_bare = |byte: &u8| {
        let bare = *byte == b'\n' && before != b'\r';
        before = *byte;
        bare
    };
    let count = bytes.iter().filter(|byte| **byte == b'\n').count();
    if !bytes.iter().any(is_bare) {
        return bytes;
    }
    let mut fixed = Vec::with_capacity(bytes.len() + count);
    let mut before = 0_u8;
    for &byte in &bytes {
        if byte == b'\n' && before != b'\r' {
            fixed.push(b'\r');
        }
        fixed.push(byte);
        before = byte;
    }
    Bytes::from(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_line_feeds_become_line_ends() {
        for (text, expected) in
            [("a\nb\r\n\nc", "a\r\nb\r\n\r\nc"), ("a\r\nb", "a\r\nb"), ("", ""), ("\n", "\r\n")]
        {
            assert_eq!(with_line_ends(Bytes::from(text)), expected, "{text:?}");
        }
    }
}
