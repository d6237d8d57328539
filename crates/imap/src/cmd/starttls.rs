//! STARTTLS (RFC 9051 §6.2.1). The connection does the rest: see [`Done::StartTls`].

use crate::cmd::{Context, Done};
use crate::reply::Failure;

/// The command.
pub(crate) fn run(context: &Context<'_>) -> Result<Done, Failure> {
    if !context.session.is_anonymous() {
        return Err(Failure::bad("too late for STARTTLS"));
    }
    let surroundings = context.surroundings();
    if surroundings.is_encrypted || !surroundings.has_certificate {
        return Err(Failure::bad("TLS can't be started here"));
    }
    Ok(Done::StartTls)
}
