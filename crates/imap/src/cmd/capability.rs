//! CAPABILITY (RFC 9051 §6.1.1): exactly what works, in the state that the connection is in.

use std::borrow::Cow;

use authentication::{Channel, Mechanism};

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
    /// Pushes by Apple's service are configured.
    pub(crate) has_apple: bool,
    /// What the connection is like for authentication.
    pub(crate) channel: Channel,
    /// What it can authenticate with.
    mechanisms: Vec<Mechanism>,
    is_compressed: bool,
    /// The largest message that can be appended.
    append_bytes_max: u64,
    /// Messages that one command acts on.
    message_limit: Option<usize>,
    /// JMAP has the same mail.
    has_jmap: bool,
}

impl Surroundings {
    /// A connection's.
    pub(crate) fn of(server: &Inner, link: &Link, peer: Peer) -> Self {
        let is_encrypted = link.is_encrypted();
        let channel = Channel {
            // RFC 9051 §11.1: no password in clear text over a network, unless the operator insists.
            is_private: is_encrypted || peer == Peer::ThisMachine || server.options.allow_plaintext_login,
            is_bindable: link.is_bindable(),
        };
        let mechanisms = server.options.authenticator.mechanisms(channel).collect();
        let has_apple = server.options.push.apple().is_some();
        Self {
            is_encrypted,
            has_certificate: server.options.tls.is_some(),
            has_apple,
            channel,
            mechanisms,
            is_compressed: link.is_compressed(),
            append_bytes_max: server.options.limits.message_bytes,
            message_limit: server.options.limits.message_limit,
            has_jmap: server.options.jmap_session.is_some(),
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
pub(crate) fn capabilities(session: &Session, surroundings: &Surroundings) -> Vec<Cow<'static, str>> {
    let mut names: Vec<Cow<'static, str>> = vec!["IMAP4rev1".into(), "IMAP4rev2".into()];
    if session.is_anonymous() {
        // RFC 9051 §6.2.1: STARTTLS is not offered twice.
        if surroundings.has_certificate && !surroundings.is_encrypted {
            names.push("STARTTLS".into());
        }
        names.extend(surroundings.mechanisms.iter().map(|mechanism| auth(*mechanism).into()));
        names.push("SASL-IR".into());
        if !surroundings.channel.is_private {
            names.push("LOGINDISABLED".into());
        }
    }
    names.extend(ALWAYS.iter().map(|name| Cow::Borrowed(*name)));
    if surroundings.has_apple {
        names.push("XAPPLEPUSHSERVICE".into());
    }
    // RFC 7889 §3
    names.push(format!("APPENDLIMIT={}", surroundings.append_bytes_max).into());
    // RFC 9738 §3
    names.extend(surroundings.message_limit.map(|limit| format!("MESSAGELIMIT={limit}").into()));
    // RFC 4978 §2: not offered twice.
    if !surroundings.is_compressed {
        names.push("COMPRESS=DEFLATE".into());
    }
    if !session.is_anonymous() {
        // RFC 8437 §2: where it can be used.
        names.push("UNAUTHENTICATE".into());
        // RFC 9698 §3: who has logged in here can log in there.
        if surroundings.has_jmap {
            names.push("JMAPACCESS".into());
        }
    }
    names
}

fn auth(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::ScramSha256Plus => "AUTH=SCRAM-SHA-256-PLUS",
        Mechanism::ScramSha256 => "AUTH=SCRAM-SHA-256",
        Mechanism::OAuthBearer => "AUTH=OAUTHBEARER",
        Mechanism::XOAuth2 => "AUTH=XOAUTH2",
        Mechanism::Plain => "AUTH=PLAIN",
    }
}

/// What works in any state, or will after login: clients that don't ask again should know.
const ALWAYS: &[&str] = &[
    "ACL",
    "BINARY",
    "CATENATE",
    "CHILDREN",
    "CONDSTORE",
    "CONTEXT=SEARCH",
    "CONTEXT=SORT",
    "CREATE-SPECIAL-USE",
    "ENABLE",
    "ESEARCH",
    "ESORT",
    "ID",
    "IDLE",
    "INPROGRESS",
    "LIST-EXTENDED",
    "LIST-METADATA",
    "LIST-MYRIGHTS",
    "LIST-STATUS",
    "LITERAL+",
    "METADATA",
    "MOVE",
    "MULTISEARCH",
    "MULTIAPPEND",
    "NAMESPACE",
    "NOTIFY",
    "OBJECTID",
    "PARTIAL",
    "PREVIEW",
    "PUSH-NOTIFY-HTTP=PUT",
    "QRESYNC",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "REPLACE",
    "RIGHTS=kxte",
    "SAVEDATE",
    "SEARCHRES",
    "SORT",
    "SORT=DISPLAY",
    "SPECIAL-USE",
    "STATUS=SIZE",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "UIDONLY",
    "UIDPLUS",
    "UNSELECT",
    "UTF8=ACCEPT",
    "WEBPUSH",
    "WITHIN",
];
