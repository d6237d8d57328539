//! UNAUTHENTICATE (RFC 8437): back to before the login, on the same connection. TLS and COMPRESS stay.

use crate::cmd::capability::capabilities;
use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::wire::status::{Code, Status};

/// The command. A selected mailbox is left without expunging, what ENABLE turned on is off, and a silence of
/// SILWEBPUSH that lasts as long as the session ends.
pub(crate) fn run(context: &mut Context<'_>) -> Result<Done, Failure> {
    context.session.access()?;
    context.session.log_out();
    let capabilities = capabilities(context.session, &context.surroundings());
    Ok(Done::Status(Status::ok("UNAUTHENTICATE done").with(Code::Capability(capabilities))))
}
