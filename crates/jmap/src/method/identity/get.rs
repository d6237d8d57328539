//! Identity/get (RFC 8621 §6.1).

use super::{PROPERTIES, all, object};
use crate::method::get::{self, GetArguments};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: GetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let wanted = get::properties(arguments.properties, &PROPERTIES)?;
    let ids = arguments.ids.map(|ids| get::wanted(ids, context)).transpose()?;
    let identities = all(context).await?;
    // After those of the addresses were renewed, which changes the state.
    let states = context.server.store.type_states(context.access).await?;
    let ids = ids.unwrap_or_else(|| identities.iter().map(|one| id::of_identity(one.id)).collect());
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for text in ids {
        match identities.iter().find(|one| Some(one.id) == id::identity(&text)) {
            Some(identity) => list.push(object(identity, &wanted)),
            None => not_found.push(text),
        }
    }
    let state = State::at(states.epoch, states.identity).to_string();
    Ok(get::response(&arguments.account_id, state, list, not_found))
}
