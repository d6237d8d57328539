//! COMPRESS (RFC 4978). The connection does the rest: see [`Done::Compress`].

use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::wire::status::Code;

/// The command.
pub(crate) fn run(context: &Context<'_>, mechanism: &str) -> Result<Done, Failure> {
    context.session.access()?;
    if mechanism != "DEFLATE" {
        return Err(Failure::bad("there is no such mechanism"));
    }
    // RFC 4978 §3
    if context.link.is_compressed() {
        return Err(Failure::refused(Code::CompressionActive, "DEFLATE is on already"));
    }
    Ok(Done::Compress)
}
