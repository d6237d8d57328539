//! Mailbox/queryChanges (RFC 8621 §2.4).

use std::collections::BTreeSet;

use super::changes::before;
use super::query::Search;
use crate::method::query::{self, Known, Moved, Sought};
use crate::method::{Arguments, Context, Outcome, Shared as _, changes, nothing_else};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let known = Known::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    nothing_else(arguments)?;
    context.check_account(known.account())?;
    let search = Search::parse(sought)?;
    let store = &context.server.store;
    let states = store.type_states(context.access).await?;
    let since = changes::since(&known.since_query_state, states.epoch, states.mailbox)?;
    let (revisions, complete) = store.mailbox_revisions(context.access, before(since)).await?;
    if !complete {
        return Err(MethodError::CannotCalculateChanges);
    }
    let results = search.results(context).await?;
    let (mut removed, mut added) = (BTreeSet::new(), BTreeSet::new());
    for revision in revisions {
        let id = id::of_mailbox(revision.id);
        // One that was made since is not in what the client has.
        if !revision.is_there || since.covers(revision.created, revision.id.0) {
            removed.insert(id.clone());
        }
        added.insert(id);
    }
    let state = State::at(states.epoch, states.mailbox).to_string();
    query::changes_response(&known, state, Moved { results, removed, added })
}
