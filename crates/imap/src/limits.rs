//! Every limit of the server that is not part of a grammar, and what happens beyond it.

use std::time::Duration;

use crate::wire::framer::FrameLimits;

/// Limits of the IMAP server. The grammar's own stand beside its parsers (`.._MAX` in [`crate::wire`]).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; one more gets `BYE` at once. Default 20,000.
    pub connections: usize,
    /// Connections of one peer at a time; one more gets `BYE [LIMIT]` at once. Trusted peers have no such limit.
    /// Default 200.
    pub connections_per_peer: usize,
    /// Sessions of one account at a time; one more login is `NO [LIMIT]`. Default 200.
    pub connections_per_account: usize,
    /// Text of one command in bytes, literals not counted; longer ones are BAD. Default 64 KiB.
    pub line_bytes: usize,
    /// Literals of one command in bytes, all together, except in APPEND; larger ones are `NO [TOOBIG]`. Default 64 KiB.
    pub literal_bytes: u64,
    /// The message of an APPEND in bytes; larger ones are `NO [TOOBIG]`. Default 50 MiB.
    pub message_bytes: u64,
    /// What is read and dropped of a command that was too long; beyond it the connection ends. Default 64 MiB.
    pub discard_bytes: u64,
    /// From the first byte to a successful login; then `BYE`. Default 2 minutes.
    pub login_time: Duration,
    /// Silence after login, until `BYE`. RFC 9051 §5.4 asks for 30 minutes at least. Default 30 minutes.
    pub idle_time: Duration,
    /// A client that takes not one byte for so long is cut off. Default 5 minutes.
    pub write_stall_time: Duration,
    /// Wrong passwords on one connection; then `BYE`. Default 4.
    pub login_failures: u32,
    /// Mailbox names in one NOTIFY; more are `NO [NOTIFICATIONOVERFLOW]`. Default 1,000.
    pub notify_mailboxes: usize,
    /// Mailboxes of which NOTIFY tells something at once; when there are more the client gets NOTIFICATIONOVERFLOW and no
    /// further notifications (RFC 5465 §5.8). Default 1,000.
    pub notify_responses: usize,
    /// Searches of one session whose results are kept up to date; one more is answered with `NO [NOUPDATE]` (RFC 5267
    /// §4.3.1), and not updated. Default 16.
    pub updated_searches: usize,
    /// A search that takes longer tells so often how far it is (RFC 9585). Default 10 seconds.
    pub progress_time: Duration,
    /// RFC 9738: messages that one command acts on; of more, the newest. `None`, the default, for no limit, which is not
    /// announced either.
    pub message_limit: Option<usize>,
    /// BAD commands in a row; then `BYE`. Default 25.
    pub bad_commands: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_peer: 200,
            connections_per_account: 200,
            line_bytes: 64 << 10,
            literal_bytes: 64 << 10,
            message_bytes: 50 << 20,
            discard_bytes: 64 << 20,
            login_time: Duration::from_secs(120),
            idle_time: Duration::from_secs(30 * 60),
            write_stall_time: Duration::from_secs(5 * 60),
            login_failures: 4,
            notify_mailboxes: 1000,
            notify_responses: 1000,
            updated_searches: 16,
            progress_time: Duration::from_secs(10),
            message_limit: None,
            bad_commands: 25,
        }
    }
}

impl Limits {
    /// How long a command may be before login: nobody unknown makes the server hold much. A line has room for a token, and
    /// for all that ID may say (RFC 2971 §3.3).
    pub(crate) fn frame_before_login(&self) -> FrameLimits {
        FrameLimits {
            line_bytes: self.line_bytes.min(32 << 10),
            literal_bytes: self.literal_bytes.min(8 << 10),
            append_bytes: self.literal_bytes.min(8 << 10),
            discard_bytes: self.discard_bytes.min(64 << 10),
        }
    }

    /// How long a command may be after login.
    pub(crate) fn frame(&self) -> FrameLimits {
        FrameLimits {
            line_bytes: self.line_bytes,
            literal_bytes: self.literal_bytes,
            append_bytes: self.message_bytes,
            discard_bytes: self.discard_bytes,
        }
    }
}
