//! Thread/changes (RFC 8621 §3.2).
//!
//! A thread changes when an email comes into it or goes from it. Its first email has its number, so the thread is new if that
//! email is.

use std::collections::BTreeMap;

use store::{EmailChange, MessageId, ThreadId};

use crate::method::changes::{self, ChangesArguments, Sorted};
use crate::method::email::changes::read;
use crate::method::{Arguments, Context, Outcome, typed};
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: ChangesArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let states = context.server.store.type_states(context.access).await?;
    let since = arguments.since(states.epoch, states.thread)?;
    let limit = arguments.limit()?;
    // A thread is told once, at the last change of all of its emails, so all have to be read.
    let changes = read(context, since, usize::MAX).await?.0;
    let is_own = |change: &&EmailChange| !change.is_there || !since.covers(change.created, change.id.0);
    let mut threads: BTreeMap<ThreadId, EmailChange> = BTreeMap::new();
    for change in changes.iter().filter(is_own) {
        let last = threads.entry(change.thread).or_insert(*change);
        if (change.modseq, change.id) > (last.modseq, last.id) {
            *last = *change;
        }
    }
    let mut order: Vec<(ThreadId, EmailChange)> = threads.into_iter().collect();
    order.sort_unstable_by_key(|(_, last)| (last.modseq, last.id));
    let has_more = order.len() > limit;
    order.truncate(limit);
    let ids: Vec<ThreadId> = order.iter().map(|(thread, _)| *thread).collect();
    let living = context.server.store.threads(context.access, ids).await?;
    let mut sorted = Sorted::default();
    for ((thread, _), emails) in order.iter().zip(living) {
        let first = changes.iter().find(|change| change.id == MessageId(thread.0));
        let is_new = first.is_some_and(|first| !since.covers(first.created, first.id.0));
        let id = id::of_thread(*thread);
        match (emails.is_empty(), is_new) {
            (true, true) => {}
            (true, false) => sorted.destroyed.push(id),
            (false, true) => sorted.created.push(id),
            (false, false) => sorted.updated.push(id),
        }
    }
    let told = match order.last().filter(|_| has_more) {
        Some((_, last)) => State { epoch: states.epoch, modseq: last.modseq, told: last.id.0 },
        None => State::at(states.epoch, states.thread.max(since.modseq)),
    };
    Ok(changes::response(&arguments, told, has_more, sorted))
}
