//! MAIL (RFC 5321 §4.1.1.2).

use delivery::BodyType;

use crate::reply::Reply;
use crate::session::{Action, NO_LHLO, Session, Transaction, address};
use crate::wire::command::Mail;

/// Begins a transaction.
pub(crate) fn run(session: &mut Session, mail: Mail<'_>) -> Action {
    if session.client.is_none() {
        return Action::Reply(Reply::out_of_order(NO_LHLO));
    }
    if session.is_in_transaction() {
        return Action::Reply(Reply::out_of_order("a transaction is under way, RSET first"));
    }
    // RFC 6531 §3.4
    if !mail.smtputf8 && mail.reverse_path.as_ref().is_some_and(|path| !path.is_ascii()) {
        return Action::Reply(Reply::needs_smtputf8());
    }
    // RFC 1870 §6.1
    let limit = session.settings.message_bytes_max;
    if mail.size.is_some_and(|size| size > limit) {
        return Action::Reply(Reply::too_large(limit));
    }
    session.begin_transaction(Transaction {
        reverse_path: mail.reverse_path.as_ref().map(address),
        declared_bytes: mail.size,
        body: mail.body.unwrap_or(BodyType::Lines),
        smtputf8: mail.smtputf8,
        recipients: Vec::new(),
        content: None,
    });
    Action::Reply(Reply::sender_ok())
}
