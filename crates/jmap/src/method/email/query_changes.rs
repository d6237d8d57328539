//! Email/queryChanges (RFC 8621 §4.5).
//!
//! The results are worked out anew, and what has changed since is taken out and put in again where it is now. With thread
//! conditions and collapsed threads, that is every email of a thread in which one has changed.

use std::collections::BTreeSet;

use serde::Deserialize;
use store::{MessageId, ThreadId};

use super::changes::read;
use super::query::Search;
use crate::method::query::{self, Known, Moved, Sought};
use crate::method::{Arguments, Context, Outcome, Shared as _, changes, typed};
use crate::wire::id;
use crate::wire::state::State;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryChangesArguments {
    #[serde(default)]
    collapse_threads: bool,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let known = Known::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    let arguments: QueryChangesArguments = typed(arguments)?;
    context.check_account(known.account())?;
    let search = Search::parse(sought, arguments.collapse_threads)?;
    let (store, access) = (&context.server.store, context.access);
    let states = store.type_states(access).await?;
    let since = changes::since(&known.since_query_state, states.epoch, states.email)?;
    let (changes, ..) = read(context, since, usize::MAX).await?;
    let mut removed: BTreeSet<MessageId> = BTreeSet::new();
    let mut added: BTreeSet<MessageId> = BTreeSet::new();
    let is_new = |change: &store::EmailChange| !since.covers(change.created, change.id.0);
    for change in &changes {
        if !is_new(change) {
            removed.insert(change.id);
        }
        added.insert(change.id);
    }
    if search.looks_at_threads() {
        let threads: BTreeSet<ThreadId> = changes.iter().map(|change| change.thread).collect();
        let emails = store.threads(access, threads.into_iter().collect()).await?;
        for id in emails.into_iter().flatten() {
            if added.insert(id) {
                removed.insert(id);
            }
        }
    }
    let results = search.results(context).await?.into_iter().map(id::of_email).collect();
    let texts = |ids: BTreeSet<MessageId>| ids.into_iter().map(id::of_email).collect();
    let state = State::at(states.epoch, states.email).to_string();
    query::changes_response(&known, state, Moved { results, removed: texts(removed), added: texts(added) })
}
