//! EmailSubmission/get (RFC 8621 §7.1).

use super::{PROPERTIES, object};
use crate::method::get::{self, GetArguments};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: GetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let wanted = get::properties(arguments.properties, &PROPERTIES)?;
    let ids = arguments.ids.map(|ids| get::wanted(ids, context)).transpose()?;
    let states = context.server.store.type_states(context.access).await?;
    let submissions = context.server.store.submissions(context.access).await?;
    let ids = match ids {
        Some(ids) => ids,
        // RFC 8620 §5.1: all of them, if they are not too many.
        None if submissions.len() > context.server.options.limits.objects_in_get => {
            return Err(MethodError::RequestTooLarge);
        }
        None => submissions.iter().map(|one| id::of_submission(one.id)).collect(),
    };
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for text in ids {
        let wanted_id = id::submission(&text);
        let found = submissions.binary_search_by_key(&wanted_id, |one| Some(one.id));
        match found.ok().and_then(|at| submissions.get(at)) {
            Some(submission) => list.push(object(submission, &wanted)),
            None => not_found.push(text),
        }
    }
    let state = State::at(states.epoch, states.submission).to_string();
    Ok(get::response(&arguments.account_id, state, list, not_found))
}
