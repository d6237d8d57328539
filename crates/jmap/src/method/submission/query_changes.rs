//! EmailSubmission/queryChanges (RFC 8621 §7.4).

use super::TYPE;
use super::query::Search;
use crate::method::query::{self, Known, Sought};
use crate::method::{Arguments, Context, Outcome, Shared as _, changes, nothing_else, objects};
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let known = Known::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    nothing_else(arguments)?;
    context.check_account(known.account())?;
    let search = Search::parse(sought)?;
    let states = context.server.store.type_states(context.access).await?;
    let since = changes::since(&known.since_query_state, states.epoch, states.submission)?;
    let results = search.results(context).await?;
    let moved = objects::moved((TYPE, since), results, context).await?;
    let state = State::at(states.epoch, states.submission).to_string();
    query::changes_response(&known, state, moved)
}
