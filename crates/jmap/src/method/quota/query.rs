//! Quota/query (RFC 9425 §4.4).

use serde::Deserialize;

use super::{ID, NAME, RESOURCE_TYPE, SCOPE, TYPES, Usage};
use crate::method::query::{Filter, Sought, Window};
use crate::method::{Arguments, Context, Outcome, Shared as _, typed};
use crate::reply::MethodError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
}

/// A condition; what is given holds together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Condition {
    name: Option<String>,
    scope: Option<String>,
    resource_type: Option<String>,
    r#type: Option<String>,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let window = Window::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    let arguments: QueryArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let usage = Usage::read(context).await?;
    let results = results(usage, sought, context)?;
    window.answer(&arguments.account_id, usage.state(), &results)
}

/// What is found; of one there is only one order.
pub(super) fn results(
    usage: Usage,
    sought: Sought,
    context: &Context<'_>,
) -> Result<Vec<String>, MethodError> {
    let (filter, sort): (Option<Filter<Condition>>, _) = sought.read(&CONDITIONS)?;
    sort.iter().try_for_each(|comparator| comparator.check(&["name", "used"]))?;
    let holds =
        filter.is_none_or(|filter| filter.holds(&mut |condition| Some(condition.holds())).unwrap_or(false));
    let is_there = usage.object(context).is_some() && holds;
    Ok(is_there.then(|| ID.to_owned()).into_iter().collect())
}

impl Condition {
    fn holds(&self) -> bool {
        self.name.as_ref().is_none_or(|name| NAME.contains(name.as_str()))
            && self.scope.as_ref().is_none_or(|scope| scope == SCOPE)
            && self.resource_type.as_ref().is_none_or(|resource| resource == RESOURCE_TYPE)
            && self.r#type.as_ref().is_none_or(|name| TYPES.contains(&name.as_str()))
    }
}

const CONDITIONS: [&str; 4] = ["name", "scope", "resourceType", "type"];
