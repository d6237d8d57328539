//! Quota/get (RFC 9425 §4.2).

use serde_json::Value;

use super::{ID, PROPERTIES, Usage};
use crate::method::get::{self, GetArguments};
use crate::method::{Arguments, Context, Outcome, typed};

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: GetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let properties = get::properties(arguments.properties, &PROPERTIES)?;
    let ids = arguments.ids.map(|ids| get::wanted(ids, context)).transpose()?;
    let usage = Usage::read(context).await?;
    let object = usage.object(context);
    let is_wanted = ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id == ID));
    let not_found = ids.unwrap_or_default().into_iter().filter(|id| id != ID || object.is_none()).collect();
    let shown = object.filter(|_| is_wanted).map(|mut fields| {
        fields.retain(|name, _| properties.contains(name.as_str()));
        Value::Object(fields)
    });
    let list = shown.into_iter().collect();
    Ok(get::response(&arguments.account_id, usage.state(), list, not_found))
}
