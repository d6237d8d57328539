//! Mailbox/get (RFC 8621 §2.1).

use super::{PROPERTIES, Tree, counts, is_counted, object};
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
    let states = context.server.store.type_states(context.access).await?;
    let tree = Tree::new(context.server.store.mailboxes(context.access).await?);
    let ids = ids.unwrap_or_else(|| tree.all().map(|place| id::of_mailbox(place.mailbox.id)).collect());
    let (mut found, mut not_found) = (Vec::new(), Vec::new());
    for text in ids {
        match id::mailbox(&text).and_then(|id| tree.find(id)) {
            Some(place) => found.push(place),
            None => not_found.push(text),
        }
    }
    let counts = match is_counted(&wanted) {
        true => counts(context, found.iter().map(|place| place.mailbox.id).collect()).await?,
        false => Default::default(),
    };
    let shown = |place: &&super::Place| {
        let counts = counts.get(&place.mailbox.id).copied().unwrap_or_default();
        object(place, &counts, &wanted)
    };
    let list = found.iter().map(shown).collect();
    let state = State::at(states.epoch, states.mailbox).to_string();
    Ok(get::response(&arguments.account_id, state, list, not_found))
}
