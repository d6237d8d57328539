//! Quota/changes (RFC 9425 §4.3).

use serde_json::{Value, json};

use super::{ID, Usage};
use crate::method::changes::ChangesArguments;
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::MethodError;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: ChangesArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    arguments.limit()?;
    let before = Usage::parse(&arguments.since_state).ok_or(MethodError::CannotCalculateChanges)?;
    let now = Usage::read(context).await?;
    let (was_there, is_there) = (before.limit.is_some(), now.object(context).is_some());
    let ids = |is_so: bool| if is_so { json!([ID]) } else { json!([]) };
    let updated = was_there && is_there && before != now;
    // Only what is used has changed: a client need not read the rest again.
    let properties = if updated && before.limit == now.limit { json!(["used"]) } else { Value::Null };
    let response = json!({
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": now.state(),
        "hasMoreChanges": false,
        "updatedProperties": properties,
        "created": ids(!was_there && is_there),
        "updated": ids(updated),
        "destroyed": ids(was_there && !is_there),
    });
    match response {
        Value::Object(fields) => Ok(fields),
        _ => Err(MethodError::ServerFail),
    }
}
