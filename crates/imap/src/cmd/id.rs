//! ID (RFC 2971): who the server is. What the client says of itself is neither kept nor logged.

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::response::Response;

/// The command.
pub(crate) fn run(context: &mut Context<'_>) -> Result<Done, Failure> {
    let pairs = [("name", "Mailbell"), ("version", env!("CARGO_PKG_VERSION"))];
    context.untagged(&Response::Id(&pairs));
    done("ID")
}
