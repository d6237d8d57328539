//! Ids (RFC 8620 §1.2) of accounts, mailboxes, emails, threads, identities and submissions.
//!
//! Those of mailboxes, emails and threads are what IMAP shows as MAILBOXID, EMAILID and THREADID (RFC 8474): a letter
//! for the kind before the store's number.

use store::{AccountId, IdentityId, MailboxId, MessageId, SubmissionId, ThreadId};

#[cfg(test)]
mod tests;

/// An account's id.
#[must_use]
pub fn of_account(id: AccountId) -> String {
    format!("A{id}")
}

/// A mailbox's id.
#[must_use]
pub fn of_mailbox(id: MailboxId) -> String {
    format!("F{id}")
}

/// An email's id.
#[must_use]
pub fn of_email(id: MessageId) -> String {
    format!("M{id}")
}

/// A thread's id.
#[must_use]
pub fn of_thread(id: ThreadId) -> String {
    format!("T{id}")
}

/// An identity's id.
#[must_use]
pub fn of_identity(id: IdentityId) -> String {
    format!("I{id}")
}

/// A submission's id.
#[must_use]
pub fn of_submission(id: SubmissionId) -> String {
    format!("S{id}")
}

/// The account with this id, as far as its form tells.
#[must_use]
pub fn account(text: &str) -> Option<AccountId> {
    number('A', text).map(AccountId)
}

/// The mailbox with this id.
#[must_use]
pub fn mailbox(text: &str) -> Option<MailboxId> {
    number('F', text).map(MailboxId)
}

/// The email with this id.
#[must_use]
pub fn email(text: &str) -> Option<MessageId> {
    number('M', text).map(MessageId)
}

/// The thread with this id.
#[must_use]
pub fn thread(text: &str) -> Option<ThreadId> {
    number('T', text).map(ThreadId)
}

/// The identity with this id.
#[must_use]
pub fn identity(text: &str) -> Option<IdentityId> {
    number('I', text).map(IdentityId)
}

/// The submission with this id.
#[must_use]
pub fn submission(text: &str) -> Option<SubmissionId> {
    number('S', text).map(SubmissionId)
}

// RFC 8620 §1.2: 1 to 255 characters of the URL and file name safe alphabet of base64, without `=`.
/// Whether a text is an id of whatever kind.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// One form for each number: ids are compared as texts.
pub(crate) fn number(letter: char, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(letter)?;
    let is_plain = !digits.is_empty()
        && (digits == "0" || !digits.starts_with('0'))
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Numbers of the store fit into SQL's signed ones.
    digits.parse().ok().filter(|number| is_plain && *number <= i64::MAX.cast_unsigned())
}
