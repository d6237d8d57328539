//! EmailSubmission/changes (RFC 8621 §7.2).

use super::TYPE;
use crate::method::changes::ChangesArguments;
use crate::method::{Arguments, Context, Outcome, objects, typed};

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: ChangesArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let states = context.server.store.type_states(context.access).await?;
    objects::changed(&arguments, (TYPE, states.epoch, states.submission), context).await
}
