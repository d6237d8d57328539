//! Replies: the one place where errors become protocol answers.
//!
//! RFC 5321 §4.2 (codes), RFC 2034 and RFC 3463 (enhanced codes, on everything but the greeting, the answers to LHLO
//! and those with 3yz).

use std::borrow::Cow;

use delivery::Class;
use store::Delivered;

use crate::content::ContentError;
use crate::wire::command::SyntaxError;
use crate::wire::decoder::LineError;

/// A reply: one line, or several with the same code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// `5.5.1` of a reply that has an enhanced code.
    enhanced: Option<&'static str>,
    lines: Vec<Cow<'static, str>>,
}

/// What became of a message for one recipient.
#[derive(Debug)]
pub enum Failure {
    /// It did not come in whole.
    Content(ContentError),
    /// It was not delivered.
    Delivery(delivery::Error),
}

impl Reply {
    /// The code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Whether the client sent what it should not have: such replies are counted, and too many end the connection.
    /// A recipient that is not there is no such error.
    #[must_use]
    pub fn is_protocol_error(&self) -> bool {
        matches!(self.code, 500..=504 | 555)
    }

    /// Writes it, CRLF included.
    pub fn write(&self, output: &mut Vec<u8>) {
        let last = self.lines.len().saturating_sub(1);
        for (index, line) in self.lines.iter().enumerate() {
            output.extend_from_slice(self.code.to_string().as_bytes());
            output.push(if index < last { b'-' } else { b' ' });
            if let Some(enhanced) = self.enhanced {
                output.extend_from_slice(enhanced.as_bytes());
                output.push(b' ');
            }
            output.extend_from_slice(line.as_bytes());
            output.extend_from_slice(b"\r\n");
        }
    }

    /// What the server says first.
    #[must_use]
    pub fn greeting(hostname: &str) -> Self {
        Self { code: 220, enhanced: None, lines: vec![format!("{hostname} LMTP Mailbell ready").into()] }
    }

    /// RFC 2033 §4.1, RFC 5321 §4.1.1.1: the answer to LHLO.
    pub(crate) fn extensions(hostname: &str, keywords: Vec<Cow<'static, str>>) -> Self {
        let mut lines = vec![hostname.to_owned().into()];
        lines.extend(keywords);
        Self { code: 250, enhanced: None, lines }
    }

    pub(crate) fn start_data() -> Self {
        Self { code: 354, enhanced: None, lines: vec!["end with CRLF.CRLF".into()] }
    }

    /// RFC 3207 §4
    pub(crate) fn start_tls() -> Self {
        plain(220, "2.0.0", "begin TLS")
    }

    pub(crate) fn ok() -> Self {
        plain(250, "2.0.0", "ok")
    }

    pub(crate) fn sender_ok() -> Self {
        plain(250, "2.1.0", "sender ok")
    }

    pub(crate) fn recipient_ok() -> Self {
        plain(250, "2.1.5", "recipient ok")
    }

    /// RFC 3030 §2: a chunk that is not the last has been taken.
    pub(crate) fn chunk_ok(size: u64) -> Self {
        plain(250, "2.0.0", format!("{size} octets taken"))
    }

    pub(crate) fn bye() -> Self {
        plain(221, "2.0.0", "bye")
    }

    /// RFC 5321 §3.5.3: nothing is told about who is here, but mail may be sent to find out.
    pub(crate) fn cannot_verify() -> Self {
        plain(252, "2.0.0", "not verified, try RCPT")
    }

    pub(crate) fn help() -> Self {
        plain(214, "2.0.0", "LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS; RFC 2033")
    }

    pub(crate) fn not_implemented() -> Self {
        plain(502, "5.5.1", "not implemented")
    }

    /// RFC 2033 §4.1: HELO and EHLO are not commands of LMTP, and 500 is the answer that it recommends.
    pub(crate) fn not_smtp() -> Self {
        plain(500, "5.5.1", "this is LMTP, say LHLO")
    }

    /// RFC 5321 §4.1.4
    pub(crate) fn out_of_order(missing: &'static str) -> Self {
        plain(503, "5.5.1", missing)
    }

    /// RFC 6531 §3.5
    pub(crate) fn needs_smtputf8() -> Self {
        plain(553, "5.6.7", "a non-ASCII address needs SMTPUTF8")
    }

    /// RFC 1870 §6.1, RFC 5321 §4.5.3.1.10: what the client declares is over the limit.
    pub(crate) fn too_large(limit: u64) -> Self {
        plain(552, "5.3.4", format!("larger than {limit} octets"))
    }

    /// RFC 5321 §4.5.3.1.10
    pub(crate) fn too_many_recipients() -> Self {
        plain(452, "4.5.3", "too many recipients, send the rest in another transaction")
    }

    /// RFC 3207 §4: what follows STARTTLS before the answer may have been put there by somebody in between.
    pub(crate) fn pipelined_start_tls() -> Self {
        plain(503, "5.5.1", "nothing may follow STARTTLS before its answer; it has been dropped")
    }

    /// More commands were wrong than anybody sends by mistake.
    pub(crate) fn too_many_errors() -> Self {
        plain(421, "4.7.0", "too many errors, closing")
    }

    /// The connection was silent, or content came in too slowly.
    pub(crate) fn timeout() -> Self {
        plain(421, "4.4.2", "timeout, closing")
    }

    pub(crate) fn too_many_connections() -> Self {
        plain(421, "4.3.2", "too many connections, try later")
    }

    pub(crate) fn too_many_connections_of_peer() -> Self {
        plain(421, "4.7.0", "too many connections from your address, try later")
    }

    pub(crate) fn shutting_down() -> Self {
        plain(421, "4.3.2", "shutting down, try later")
    }

    /// What is said of a line whatever its command.
    pub(crate) fn line_error(error: LineError) -> Self {
        match error {
            // RFC 5321 §4.5.3.1.9
            LineError::TooLong => plain(500, "5.5.2", "line too long"),
            LineError::BareLf => plain(500, "5.5.2", "line ended by LF without CR"),
        }
    }

    pub(crate) fn syntax_error(error: SyntaxError) -> Self {
        match error {
            SyntaxError::Octets => plain(500, "5.5.2", "control characters or bad UTF-8 in a command"),
            SyntaxError::UnknownCommand => plain(500, "5.5.1", "unknown command"),
            SyntaxError::Arguments(usage) => plain(501, "5.5.4", format!("syntax: {usage}")),
            SyntaxError::ReversePath => plain(501, "5.1.7", "syntax: MAIL FROM:<address>"),
            SyntaxError::ForwardPath => plain(501, "5.1.3", "syntax: RCPT TO:<address>"),
            // RFC 5321 §4.1.1.11
            SyntaxError::UnknownParameter => plain(555, "5.5.4", "unknown parameter"),
            SyntaxError::Parameter(keyword) => plain(501, "5.5.4", format!("bad or repeated {keyword}")),
            SyntaxError::ChunkSize => plain(501, "5.5.4", "syntax: BDAT size [LAST]; closing"),
        }
    }

    pub(crate) fn content_error(error: ContentError) -> Self {
        match error {
            ContentError::TooLarge => plain(552, "5.3.4", "message too large"),
            ContentError::OutOfBudget => plain(452, "4.3.1", "too much mail at a time, try later"),
        }
    }

    /// The answer for one recipient, to RCPT or after content.
    pub(crate) fn delivery_error(error: &delivery::Error) -> Self {
        match error {
            delivery::Error::UnknownRecipient => plain(550, "5.1.1", "no such mailbox"),
            delivery::Error::OverQuota => plain(452, "4.2.2", "mailbox full"),
            delivery::Error::LargerThanQuota => plain(552, "5.2.3", "larger than the mailbox may ever hold"),
            delivery::Error::Loop { .. } => plain(554, "5.4.6", "mail loop"),
            other => match other.class() {
                Class::Refused => plain(554, "5.2.0", "refused"),
                Class::Unavailable | Class::Bug => plain(451, "4.3.0", "failed for now, try later"),
            },
        }
    }

    /// The answer for one recipient after content. What it was stored as is what our log calls it,
    /// and so what joins the sender's log to ours.
    fn outcome(outcome: &Result<Delivered, Failure>) -> Self {
        match outcome {
            Ok(delivered) => {
                let changes = delivered.changes;
                plain(250, "2.0.0", format!("stored as {}:{}", changes.account, changes.modseq.0))
            }
            Err(Failure::Content(error)) => Self::content_error(*error),
            Err(Failure::Delivery(error)) => Self::delivery_error(error),
        }
    }
}

/// Answers content.
///
/// RFC 2033 §4.2: one reply for each RCPT that was answered with 250, in the order of the RCPTs.
pub fn write_outcomes(outcomes: &[Result<Delivered, Failure>], output: &mut Vec<u8>) {
    for outcome in outcomes {
        Reply::outcome(outcome).write(output);
    }
}

fn plain(code: u16, enhanced: &'static str, text: impl Into<Cow<'static, str>>) -> Reply {
    Reply { code, enhanced: Some(enhanced), lines: vec![text.into()] }
}

#[cfg(test)]
mod tests;
