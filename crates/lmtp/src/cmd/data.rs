//! DATA (RFC 5321 §4.1.1.4, RFC 2033 §4.2).

use delivery::BodyType;
use store::UnixTime;

use crate::reply::Reply;
use crate::session::{Action, HAS_CONTENT, NO_MAIL, NO_RCPT, Reading, Session};

/// Begins to read the content.
pub(crate) fn run(session: &mut Session, now: UnixTime) -> Action {
    let refused = match session.transaction() {
        None => Some(NO_MAIL),
        // RFC 3030 §2: DATA and BDAT can't be mixed.
        Some(transaction) if transaction.content.is_some() => Some(HAS_CONTENT),
        // RFC 3030 §3: lines can't carry octets of any kind.
        Some(transaction) if transaction.body == BodyType::Binary => Some("BINARYMIME needs BDAT"),
        // RFC 2033 §4.2: 503 if no RCPT was accepted.
        Some(transaction) if transaction.recipients.is_empty() => Some(NO_RCPT),
        Some(_) => None,
    };
    if let Some(why) = refused {
        return Action::Reply(Reply::out_of_order(why));
    }
    session.begin_content(now);
    session.reading = Reading::Data;
    Action::Data(Reply::start_data())
}
