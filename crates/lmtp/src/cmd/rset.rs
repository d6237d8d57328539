//! RSET (RFC 5321 §4.1.1.5).

use crate::reply::Reply;
use crate::session::{Action, Session};

/// Aborts the transaction, if there is one, and frees what it held. Who the client is stays known.
pub(crate) fn run(session: &mut Session) -> Action {
    if let Some(client) = &mut session.client {
        client.transaction = None;
    }
    Action::Reply(Reply::ok())
}
