//! GETVAPID (draft-gougeon-imap-webpush §5.1): the public key that push services restrict a subscription to.

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::response::Response;

/// The command.
pub(crate) fn run(context: &mut Context<'_>) -> Result<Done, Failure> {
    context.session.access()?;
    let key = context.registrar().keys.current_id();
    context.untagged(&Response::Vapid(&key));
    done("GETVAPID")
}
