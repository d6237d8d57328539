//! XAPPLEPUSHSERVICE: a device of Apple's registers for pushes.
//!
//! There is no document with its grammar. What devices send are names and values, all of them strings, in any order.

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed, SyntaxError};
use crate::wire::mailbox::mailbox;

/// Most mailboxes in one registration; more are BAD.
pub const MAILBOXES_MAX: usize = 64;
/// Most pairs of name and value; more are BAD.
pub const PAIRS_MAX: usize = 16;
/// Longest account id; longer ones are BAD.
pub const ACCOUNT_ID_BYTES_MAX: usize = 128;
/// Longest device token, in hexadecimal digits; longer ones are BAD.
pub const DEVICE_TOKEN_DIGITS_MAX: usize = 256;

/// XAPPLEPUSHSERVICE.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplePush {
    /// `aps-version`
    pub version: u32,
    /// `aps-account-id`: what the device calls the account; letters, digits and `-._:`.
    pub account_id: String,
    /// `aps-device-token`: hexadecimal digits. A capability.
    pub device_token: String,
    /// `aps-subtopic`
    pub subtopic: String,
    /// `mailboxes`, in UTF-8.
    pub mailboxes: Vec<String>,
}

impl std::fmt::Debug for ApplePush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplePush").field("mailboxes", &self.mailboxes).finish_non_exhaustive()
    }
}

// xapplepushservice = "XAPPLEPUSHSERVICE" 1*(SP pair)
// pair = astring SP astring / "mailboxes" SP "(" mailbox *(SP mailbox) ")"
/// The arguments of XAPPLEPUSHSERVICE.
pub fn apple_push(cursor: &mut Cursor<'_>) -> Parsed<ApplePush> {
    let start = cursor.clone();
    let (mut version, mut account_id, mut device_token, mut subtopic) = (None, None, None, None);
    let mut mailboxes = Vec::new();
    for count in 1.. {
        if count > PAIRS_MAX {
            return Err(cursor.invalid("there are too many arguments"));
        }
        let name = cursor.astring_text()?.to_ascii_lowercase();
        cursor.sp()?;
        let at = cursor.clone();
        match name.as_str() {
            "mailboxes" => {
                mailboxes = cursor.list(ListBounds { max: MAILBOXES_MAX, empty: Empty::Refused }, mailbox)?;
            }
            "aps-version" => version = Some(number(cursor)?),
            "aps-account-id" => account_id = Some(account(cursor.astring_text()?, &at)?),
            "aps-device-token" => device_token = Some(token(cursor.astring_text()?, &at)?),
            "aps-subtopic" => subtopic = Some(cursor.astring_text()?),
            // Later devices may say more.
            _ => drop(cursor.astring()?),
        }
        if !cursor.eat(b' ') {
            break;
        }
    }
    cursor.end()?;
    match (version, account_id, device_token, subtopic) {
        (Some(version), Some(account_id), Some(device_token), Some(subtopic)) if !mailboxes.is_empty() => {
            Ok(ApplePush { version, account_id, device_token, subtopic, mailboxes })
        }
        _ => Err(start.invalid("an argument is missing")),
    }
}

fn number(cursor: &mut Cursor<'_>) -> Parsed<u32> {
    let at = cursor.clone();
    cursor.astring_text()?.parse().map_err(|_| at.expected("a version"))
}

fn account(text: String, at: &Cursor<'_>) -> Result<String, SyntaxError> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    if text.is_empty() || text.len() > ACCOUNT_ID_BYTES_MAX || !text.bytes().all(is_plain) {
        return Err(at.invalid("this is no account id"));
    }
    Ok(text)
}

fn token(text: String, at: &Cursor<'_>) -> Result<String, SyntaxError> {
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    if text.is_empty() || text.len() > DEVICE_TOKEN_DIGITS_MAX || !is_hex {
        return Err(at.invalid("this is no device token"));
    }
    Ok(text.to_ascii_lowercase())
}
