//! PUSH-NOTIFY-HTTP, of the capability `PUSH-NOTIFY-HTTP=PUT`: an HTTP PUT that the client asks for.
//!
//! Only the grammar: whether the server puts to the URL and whether the body is short enough are for the command. URLs are
//! capabilities, so nothing here prints them.

use crate::wire::cursor::{Cursor, Parsed};
use crate::wire::webpush::ENDPOINT_BYTES_MAX;

/// PUSH-NOTIFY-HTTP.
#[derive(Clone, PartialEq, Eq)]
pub enum PushNotify {
    /// `PUT url body`: one PUT when mail comes.
    Put {
        /// At most [`ENDPOINT_BYTES_MAX`] bytes; not yet known to be a URL.
        url: String,
        /// What will be put.
        body: String,
    },
    /// `CONFIRM url version`: the client has received what was put there.
    Confirm {
        /// Which URL.
        url: String,
        /// The number that was put.
        version: u64,
    },
}

impl std::fmt::Debug for PushNotify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Put { .. } => "Put(..)",
            Self::Confirm { .. } => "Confirm(..)",
        })
    }
}

// push-notify-http = "PUSH-NOTIFY-HTTP" SP ("PUT" SP url SP body / "CONFIRM" SP url SP version)
// url = astring
// body = astring
// version = number64
/// The arguments of PUSH-NOTIFY-HTTP.
pub fn push_notify(cursor: &mut Cursor<'_>) -> Parsed<PushNotify> {
    let start = cursor.clone();
    let word = cursor.keyword("PUT or CONFIRM")?;
    let command = match word.as_str() {
        "PUT" => {
            cursor.sp()?;
            let url = url(cursor)?;
            cursor.sp()?;
            PushNotify::Put { url, body: cursor.astring_text()? }
        }
        "CONFIRM" => {
            cursor.sp()?;
            let url = url(cursor)?;
            cursor.sp()?;
            PushNotify::Confirm { url, version: cursor.number64()? }
        }
        _ => return Err(start.expected("PUT or CONFIRM")),
    };
    cursor.end()?;
    Ok(command)
}

fn url(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.clone();
    let url = cursor.astring_text()?;
    if url.len() > ENDPOINT_BYTES_MAX {
        return Err(start.invalid("the URL is longer than 2048 bytes"));
    }
    Ok(url)
}
