//! Quota/queryChanges (RFC 9425 §4.5).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::query::results;
use super::{ID, Usage};
use crate::method::query::{self, Comparator, Known, Moved};
use crate::method::{Arguments, Context, Outcome, Shared as _, typed};
use crate::reply::MethodError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryChangesArguments {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let known = Known::take(&mut arguments)?;
    let arguments: QueryChangesArguments = typed(arguments)?;
    context.check_account(known.account())?;
    let before = Usage::parse(&known.since_query_state).ok_or(MethodError::CannotCalculateChanges)?;
    let now = Usage::read(context).await?;
    let results = results(now, arguments.filter, arguments.sort, context)?;
    let own = |is_so: bool| if is_so { BTreeSet::from([ID.to_owned()]) } else { BTreeSet::new() };
    let moved =
        Moved { results, removed: own(before != now && before.limit.is_some()), added: own(before != now) };
    query::changes_response(&known, now.state(), moved)
}
