//! What a PATCH asks for (RFC 7396, of the members that a user may change).

use serde_json::{Map, Value};
use store::{PushEdit, PushSilence, UnixTime};

use crate::wire::{date, json};

#[cfg(test)]
mod tests;

/// Reads the body of a PATCH.
///
/// # Errors
/// What is wrong, for people.
pub(super) fn parse(body: &[u8], now: UnixTime) -> Result<PushEdit, &'static str> {
    let Ok(Value::Object(members)) = json::parse(body) else {
        return Err("the body is not a JSON object");
    };
    if members.keys().any(|name| !["name", "silentUntil", "silentFor"].contains(&name.as_str())) {
        return Err("only name, silentUntil and silentFor can be changed");
    }
    Ok(PushEdit { name: members.get("name").map(name).transpose()?, silence: silence(&members, now)? })
}

/// Its length and its characters are for the store to check.
fn name(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(name) if !name.is_empty() => Ok(name.clone()),
        _ => Err("name is neither null nor a text with something in it"),
    }
}

fn silence(members: &Map<String, Value>, now: UnixTime) -> Result<Option<PushSilence>, &'static str> {
    match (members.get("silentUntil"), members.get("silentFor")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("silentUntil and silentFor are two ways to say one thing"),
        (Some(Value::Null), None) => Ok(Some(PushSilence::Over)),
        (Some(value), None) => {
            let until = value.as_str().and_then(date::parse_with_offset).map(|(seconds, _)| seconds);
            let until = until.ok_or("silentUntil is neither null nor a date and time of RFC 3339")?;
            match until.checked_sub(now.0) {
                Some(1..=SILENCE_SECONDS_MAX) => Ok(Some(PushSilence::Until(UnixTime(until)))),
                _ => Err("silentUntil has passed, or is too far away"),
            }
        }
        (None, Some(value)) => match value.as_i64() {
            Some(0) => Ok(Some(PushSilence::Over)),
            Some(seconds @ 1..=SILENCE_SECONDS_MAX) => {
                Ok(Some(PushSilence::Until(UnixTime(now.0.saturating_add(seconds)))))
            }
            _ => Err("silentFor is not a number of seconds from 0 to 4294967295"),
        },
    }
}

/// As long as SILWEBPUSH can say.
const SILENCE_SECONDS_MAX: i64 = 4_294_967_295;
