//! BDAT (RFC 3030 §2, RFC 2033 §4.3).

use store::UnixTime;

use crate::reply::Reply;
use crate::session::{Action, NO_MAIL, NO_RCPT, Reading, Session};

/// Begins to read a chunk. It follows the command whatever the answer will be, so one that is not wanted is read and
/// dropped before it is answered: once, also where the last of a wanted message would be answered for each recipient.
pub(crate) fn run(session: &mut Session, size: u64, last: bool, now: UnixTime) -> Action {
    session.reading = match session.transaction() {
        None => Reading::Dropped(Reply::out_of_order(NO_MAIL)),
        Some(transaction) if transaction.recipients.is_empty() => {
            Reading::Dropped(Reply::out_of_order(NO_RCPT))
        }
        Some(transaction) => {
            if transaction.content.is_none() {
                session.begin_content(now);
            }
            Reading::Chunk { size, last }
        }
    };
    Action::Chunk(size)
}
