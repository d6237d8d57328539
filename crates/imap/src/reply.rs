//! The one place where errors become answers (RFC 9051 §7.1, RFC 5530; STYLE.md, "Errors").

use std::borrow::Cow;

use thiserror::Error;

use crate::wire::status::{Code, Status};

/// Why a command did not succeed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// Syntax: the command, or the state that it came in, breaks the protocol.
    #[error("{0}")]
    Bad(Cow<'static, str>),
    /// RFC 9586 §3: a sequence number after ENABLE UIDONLY.
    #[error("messages are named by UID only, as ENABLE UIDONLY has asked")]
    UidRequired,
    /// Refused: valid, but not allowed or not there.
    #[error("{1}")]
    Refused(Option<Code>, Cow<'static, str>),
    /// What the store said.
    #[error("the store refused")]
    Store(#[from] store::Error),
    /// What the store said of the mailbox that messages were to go to.
    #[error("the store refused the target")]
    Target(#[source] store::Error),
    /// The selected mailbox was deleted by another session, or may be read no longer: the connection ends (RFC 2180 §3).
    #[error("the selected mailbox is not there any more")]
    MailboxGone,
    /// The connection broke: there is nobody to answer.
    #[error("the connection broke")]
    Link(#[from] std::io::Error),
}

impl Failure {
    /// A tagged BAD.
    pub(crate) fn bad(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Bad(why.into())
    }

    /// A NO with a response code.
    pub(crate) fn refused(code: Code, why: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(Some(code), why.into())
    }

    /// The mailbox was selected with EXAMINE.
    pub(crate) fn read_only() -> Self {
        Self::Refused(None, "the mailbox is selected read-only".into())
    }

    /// A sequence number that no message has (RFC 9051 §9, `seq-number`).
    pub(crate) fn no_such_message() -> Self {
        Self::bad("there is no message with that number")
    }
}

/// The answer to a command that failed; `None` if the connection ends with it.
pub(crate) fn answer(failure: &Failure, command: &'static str) -> Option<Status> {
    Some(match failure {
        Failure::Bad(why) => Status::bad(why.clone()),
        Failure::UidRequired => Status::bad(failure.to_string()).with(Code::UidRequired),
        Failure::Refused(code, why) => Status { code: code.clone(), ..Status::no(why.clone()) },
        Failure::Store(error) => of_store(error, command),
        // RFC 9051 §6.3.12: a hint that CREATE would help.
        Failure::Target(error @ store::Error::NotFound(_)) => {
            Status::no(error.to_string()).with(Code::TryCreate)
        }
        Failure::Target(error) => of_store(error, command),
        Failure::MailboxGone | Failure::Link(_) => return None,
    })
}

fn of_store(error: &store::Error, command: &'static str) -> Status {
    let code = match error {
        store::Error::NotFound(_) => Code::NonExistent,
        store::Error::Exists(_) => Code::AlreadyExists,
        store::Error::Forbidden(_) => Code::NoPerm,
        store::Error::OverQuota => Code::OverQuota,
        store::Error::Limit(_) => Code::Limit,
        store::Error::Invalid { .. } => Code::Cannot,
        store::Error::Unavailable(why) => {
            tracing::warn!(command, why, "store unavailable");
            return Status::no("the server is busy, try again").with(Code::Unavailable);
        }
        other => {
            tracing::error!(command, error = %other, "store invariant broken");
            return Status::no("the server has made a mistake").with(Code::ServerBug);
        }
    };
    Status::no(error.to_string()).with(code)
}

#[cfg(test)]
mod tests;
