//! CAPABILITY (RFC 9051 §6.1.1): exactly what works, in the state that the connection is in.

use crate::cmd::{Context, Done};
use crate::conn::{Link, Peer};
use crate::server::Inner;
use crate::session::Session;
use crate::wire::response::Response;
use crate::wire::status::Status;

/// What, beside the session, decides on the capabilities.
pub(crate) struct Surroundings {
    /// TLS is on.
    pub(crate) is_encrypted: bool,
    /// TLS could be turned on.
    pub(crate) has_certificate: bool,
    /// A password may be sent now.
    pub(crate) may_send_password: bool,
}

impl Surroundings {
    /// A connection's.
    pub(crate) fn of(server: &Inner, link: &Link, peer: Peer) -> Self {
        let is_encrypted = link.is_encrypted();
        Self {
            is_encrypted,
            has_certificate: server.options.tls.is_some(),
            // RFC 9051 §11.1: no password in clear text over a network, unless the operator insists.
            may_send_password: is_encrypted
                || peer == Peer::ThisMachine
                || server.options.allow_plaintext_login,
        }
    }
}

impl Context<'_> {
    /// The connection as capabilities see it.
    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings::of(self.server, self.link, self.origin.peer)
    }
}

/// The command.
pub(crate) fn run(context: &mut Context<'_>) -> Done {
    let capabilities = capabilities(context.session, &context.surroundings());
    context.untagged(&Response::Capability(&capabilities));
    Done::Status(Status::ok("CAPABILITY done"))
}

/// The capabilities of a connection now.
pub(crate) fn capabilities(session: &Session, surroundings: &Surroundings) -> Vec<&'static str> {
    let mut names = vec!["IMAP4rev1"];
    if session.is_anonymous() {
        // RFC 9051 §6.2.1: STARTTLS is not offered twice.
        if surroundings.has_certificate && !surroundings.is_encrypted {
            names.push("STARTTLS");
        }
        names.extend(if surroundings.may_send_password {
            ["AUTH=PLAIN", "SASL-IR"].as_slice()
        } else {
            ["LOGINDISABLED"].as_slice()
        });
    }
    names.extend(ALWAYS);
    names
}

/// What works in any state, or will after login: clients that don't ask again should know.
const ALWAYS: [&str; 21] = [
    "BINARY",
    "CHILDREN",
    "CONDSTORE",
    "CREATE-SPECIAL-USE",
    "ENABLE",
    "ESEARCH",
    "ID",
    "IDLE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "LITERAL+",
    "MOVE",
    "NAMESPACE",
    "OBJECTID",
    "PREVIEW",
    "SPECIAL-USE",
    "STATUS=SIZE",
    "UIDPLUS",
    "UNSELECT",
    "UTF8=ACCEPT",
    "WEBPUSH",
];
