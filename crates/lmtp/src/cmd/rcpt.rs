//! RCPT (RFC 5321 §4.1.1.3).

use crate::reply::Reply;
use crate::session::{Action, HAS_CONTENT, NO_MAIL, Session, address};
use crate::wire::path::Path;

/// Asks for a recipient to be looked up; the answer is given when that is done.
pub(crate) fn run(session: &mut Session, path: Path<'_>) -> Action {
    let recipients_max = session.settings.recipients_max;
    let Some(transaction) = session.transaction() else {
        return Action::Reply(Reply::out_of_order(NO_MAIL));
    };
    // RFC 3030 §2: no RCPT after the first BDAT.
    if transaction.content.is_some() {
        return Action::Reply(Reply::out_of_order(HAS_CONTENT));
    }
    // RFC 6531 §3.5
    if !transaction.smtputf8 && !path.is_ascii() {
        return Action::Reply(Reply::needs_smtputf8());
    }
    if transaction.recipients.len() >= recipients_max {
        return Action::Reply(Reply::too_many_recipients());
    }
    Action::Resolve { address: address(&path), declared_bytes: transaction.declared_bytes }
}
