//! `[imap]`: what clients may do, and how much of it.

use std::time::Duration;

use super::source::{Raw, Reader};
use super::value;

/// Settings of IMAP. What happens at each limit stands in `mailbell.example.toml`.
#[derive(Clone, Debug)]
pub(crate) struct Imap {
    /// Whether LOGIN works before STARTTLS from other machines than this one.
    pub(crate) allow_plaintext_login: bool,
    /// RFC 9738: messages that one command acts on; `None` for no limit.
    pub(crate) message_limit: Option<usize>,
    /// Mailbox names in one NOTIFY.
    pub(crate) notify_mailboxes: usize,
    /// Mailboxes of which NOTIFY tells something at once.
    pub(crate) notify_responses: usize,
    /// Searches of one session that are kept up to date.
    pub(crate) updated_searches: usize,
    /// How often a long search tells how far it is.
    pub(crate) progress_time: Duration,
}

/// Reads the keys.
pub(super) fn read(reader: &mut Reader) -> Imap {
    Imap {
        allow_plaintext_login: reader.read("imap.allow_plaintext_login", false, value::flag),
        message_limit: reader.read("imap.message_limit", None, |raw| message_limit(raw).map(Some)),
        notify_mailboxes: reader.read("imap.notify_mailboxes", 1000, value::count),
        notify_responses: reader.read("imap.notify_responses", 1000, value::count),
        updated_searches: reader.read("imap.updated_searches", 16, value::count),
        progress_time: reader.read("imap.progress_time", Duration::from_secs(10), value::duration),
    }
}

/// RFC 9738 §3: clients need not expect fewer.
fn message_limit(raw: &Raw) -> Result<usize, String> {
    let limit = value::count(raw)?;
    if limit < MESSAGE_LIMIT_MIN { Err(format!("{limit} is below {MESSAGE_LIMIT_MIN}")) } else { Ok(limit) }
}

const MESSAGE_LIMIT_MIN: usize = 1000;
