//! ACKWEBPUSH (draft-gougeon-imap-webpush §5.3): the client proves that the pushes reach it.

use uuid::Uuid;

use crate::cmd::{Context, Done, done, now, webpush};
use crate::reply::Failure;
use crate::wire::status::Code;
use crate::wire::webpush::AckToken;

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, token: &AckToken) -> Result<Done, Failure> {
    let access = context.session.access()?;
    // draft-gougeon-imap-webpush §6.4: our tokens are UUIDs in the one form that has hyphens.
    let is_uuid = Uuid::try_parse(token.as_str()).is_ok() && token.as_str().len() == UUID_CHARACTERS;
    if !is_uuid {
        return Err(Failure::bad("the token is not a UUID"));
    }
    let registrar = context.registrar();
    let key = registrar.keys.current_id();
    let acknowledged =
        context.store().acknowledge_push_subscription(access, token.as_str(), &key, now()).await?;
    let Some(subscription) = acknowledged else {
        return Err(Failure::refused(Code::NonExistent, "the token is unknown or has expired"));
    };
    registrar.acknowledged(subscription.id);
    registrar.handle.look(subscription.id);
    webpush::tell(context, &subscription);
    done("ACKWEBPUSH")
}

const UUID_CHARACTERS: usize = 36;
