//! MESSAGELIMIT (RFC 9738): how many messages one command acts on, where the operator has set a limit.
//!
//! FETCH, STORE, SEARCH, MOVE and UID EXPUNGE act on the newest ones and say so; what is atomic (COPY, APPEND) or means
//! nothing in pieces (SORT, THREAD) is refused. EXPUNGE and CLOSE have no limit (RFC 9738 §3.1).

use crate::cmd::Context;
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::set::NumberSet;
use crate::wire::status::{Code, Status};

/// What of these messages a command acts on, and the code that says so if these are not all.
pub(crate) fn newest(limit: Option<usize>, view: &ClientView, seqs: NumberSet) -> (NumberSet, Option<Code>) {
    let count = seqs.count();
    match limit {
        Some(limit) if count > limit => {
            let newest = seqs.slice(count - limit..count);
            let lowest = newest.ranges().first().and_then(|&(first, _)| view.entry(first));
            let code = Code::MessageLimit { limit, lowest: lowest.map(|entry| entry.uid.0) };
            (newest, Some(code))
        }
        _ => (seqs, None),
    }
}

/// NO to a command that would act on more messages, and can't act on some of them.
pub(crate) fn check(limit: Option<usize>, count: usize) -> Result<(), Failure> {
    match limit {
        Some(limit) if count > limit => {
            Err(Failure::refused(Code::MessageLimit { limit, lowest: None }, TOO_MANY))
        }
        _ => Ok(()),
    }
}

/// The answer of a command that has acted on the newest messages. RFC 9738 §3.1: another code keeps its place.
pub(crate) fn told(context: &mut Context<'_>, status: Status, cut: Option<Code>) -> Status {
    match cut {
        Some(code) if status.code.is_none() => status.with(code),
        Some(code) => {
            Status::no(TOO_MANY).with(code).encode(&mut context.link.out, None);
            status
        }
        None => status,
    }
}

/// What the answers say.
pub(crate) const TOO_MANY: &str = "these are too many messages for one command";
