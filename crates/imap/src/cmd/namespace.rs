//! NAMESPACE (RFC 9051 §6.3.10): one personal namespace, and one of other users' mailboxes.

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::response::Response;

/// The command.
pub(crate) fn run(context: &mut Context<'_>) -> Result<Done, Failure> {
    context.session.access()?;
    context.untagged(&Response::Namespace);
    done("NAMESPACE")
}
