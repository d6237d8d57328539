//! Quota/query (RFC 9425 §4.4).

use serde::Deserialize;
use serde_json::Value;

use super::{ID, NAME, RESOURCE_TYPE, SCOPE, TYPES, Usage};
use crate::method::query::{self, Comparator, Filter, Window};
use crate::method::{Arguments, Context, Outcome, Shared as _, typed};
use crate::reply::MethodError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
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
    let arguments: QueryArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let usage = Usage::read(context).await?;
    let results = results(usage, arguments.filter, arguments.sort, context)?;
    let stretch = window.place(results.len(), |anchor| results.iter().position(|id| *id == anchor))?;
    let shown = results.iter().skip(stretch.first).take(stretch.length).cloned().collect();
    let total = window.calculate_total.then_some(results.len());
    Ok(query::response(&arguments.account_id, usage.state(), shown, (stretch, total)))
}

/// What is found; of one there is only one order.
pub(super) fn results(
    usage: Usage,
    filter: Option<Value>,
    sort: Option<Vec<Comparator>>,
    context: &Context<'_>,
) -> Result<Vec<String>, MethodError> {
    let filter = filter.filter(|filter| !filter.is_null());
    let filter: Option<Filter<Condition>> =
        filter.map(|filter| Filter::parse(filter, &CONDITIONS)).transpose()?;
    sort.unwrap_or_default().iter().try_for_each(|comparator| comparator.check(&["name", "used"]))?;
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
