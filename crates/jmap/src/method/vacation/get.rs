//! VacationResponse/get (RFC 8621 §8.1).

use super::{PROPERTIES, SINGLETON, object};
use crate::method::get::{self, GetArguments};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: GetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let wanted = get::properties(arguments.properties, &PROPERTIES)?;
    let ids = arguments.ids.map(|ids| get::wanted(ids, context)).transpose()?;
    let ids = ids.unwrap_or_else(|| vec![SINGLETON.to_owned()]);
    let states = context.server.store.type_states(context.access).await?;
    let vacation = context.server.store.vacation(context.access).await?;
    let (found, not_found): (Vec<String>, Vec<String>) = ids.into_iter().partition(|id| id == SINGLETON);
    let list = found.iter().map(|_| object(&vacation, &wanted)).collect();
    let state = State::at(states.epoch, states.vacation).to_string();
    Ok(get::response(&arguments.account_id, state, list, not_found))
}
