//! GETJMAPACCESS (RFC 9698 §4): where the same mail is to be had by JMAP.

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::response::Response;

/// The command.
pub(crate) fn run(context: &mut Context<'_>) -> Result<Done, Failure> {
    context.session.access()?;
    let server = context.server;
    match &server.options.jmap_session {
        Some(url) => context.untagged(&Response::JmapAccess(url)),
        None => return Err(Failure::bad("there is no JMAP here")),
    }
    done("GETJMAPACCESS")
}
