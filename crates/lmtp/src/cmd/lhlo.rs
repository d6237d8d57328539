//! LHLO (RFC 2033 §4.1).

use std::borrow::Cow;

use crate::reply::Reply;
use crate::session::{Action, Client, Session, Tls};

/// Greets the client and announces the extensions. RFC 5321 §4.1.4: a transaction under way is aborted.
pub(crate) fn run(session: &mut Session, name: &str) -> Action {
    session.client = Some(Client { name: name.to_owned(), transaction: None });
    let mut keywords: Vec<Cow<'static, str>> = vec![
        // RFC 2033 §5: these two are not optional.
        "PIPELINING".into(),
        "ENHANCEDSTATUSCODES".into(),
        "8BITMIME".into(),
        "BINARYMIME".into(),
        "CHUNKING".into(),
        "SMTPUTF8".into(),
        format!("SIZE {}", session.settings.message_bytes_max).into(),
    ];
    // RFC 3207 §4.2: not announced within TLS.
    if session.tls == Tls::Offered {
        keywords.push("STARTTLS".into());
    }
    Action::Reply(Reply::extensions(&session.settings.hostname, keywords))
}
