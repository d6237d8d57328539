//! EmailSubmission/queryChanges (RFC 8621 §7.4).

use serde::Deserialize;
use serde_json::Value;

use super::TYPE;
use super::query::Search;
use crate::method::query::{self, Known};
use crate::method::{Arguments, Context, Outcome, Shared as _, changes, objects, typed};
use crate::wire::state::State;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryChangesArguments {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Value>>,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let known = Known::take(&mut arguments)?;
    let arguments: QueryChangesArguments = typed(arguments)?;
    context.check_account(known.account())?;
    let search = Search::parse(arguments.filter, arguments.sort)?;
    let states = context.server.store.type_states(context.access).await?;
    let since = changes::since(&known.since_query_state, states.epoch, states.submission)?;
    let results = search.results(context).await?;
    let moved = objects::moved((TYPE, since), results, context).await?;
    let state = State::at(states.epoch, states.submission).to_string();
    query::changes_response(&known, state, moved)
}
