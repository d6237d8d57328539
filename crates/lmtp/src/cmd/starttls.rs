//! STARTTLS (RFC 3207 §4).

use crate::reply::Reply;
use crate::session::{Action, Session, Tls};

/// Asks for TLS, if it is offered and no transaction is under way.
pub(crate) fn run(session: &mut Session) -> Action {
    match session.tls {
        Tls::Unavailable => Action::Reply(Reply::not_implemented()),
        Tls::Active => Action::Reply(Reply::out_of_order("TLS is active already")),
        Tls::Offered if session.is_in_transaction() => {
            Action::Reply(Reply::out_of_order("a transaction is under way, RSET first"))
        }
        Tls::Offered => Action::StartTls(Reply::start_tls()),
    }
}
