//! /changes and /queryChanges of identities and submissions, whose changes the store lists one by one (RFC 8620 §5.2, §5.6).

use std::collections::BTreeSet;

use store::{ModSeq, ObjectChange, ObjectKind};

use super::changes::{self, ChangesArguments, Sorted};
use super::mailbox::changes::before;
use super::query::Moved;
use super::{Context, Outcome};
use crate::reply::MethodError;
use crate::wire::state::State;

/// A type of objects.
#[derive(Clone, Copy)]
pub(crate) struct Type {
    /// What the store calls it.
    pub(crate) kind: ObjectKind,
    /// How its ids look.
    pub(crate) id: fn(u64) -> String,
}

/// The response to a /changes; `modseq` is the type's state.
pub(crate) async fn changed(
    arguments: &ChangesArguments,
    (of, epoch, modseq): (Type, u64, ModSeq),
    context: &Context<'_>,
) -> Outcome {
    let since = arguments.since(epoch, modseq)?;
    let limit = arguments.limit()?;
    let mut told = State::at(epoch, modseq);
    let (mut sorted, mut has_more) = (Sorted::default(), false);
    let changes = read(of, since, context).await?;
    for change in changes.iter().filter(|change| !since.covers(change.modseq, change.id)) {
        let is_new = !since.covers(change.created, change.id);
        // RFC 8620 §5.2: what came and went since is left out.
        if is_new && !change.is_there {
            continue;
        }
        if sorted.len() == limit {
            has_more = true;
            break;
        }
        told = State { epoch, modseq: change.modseq, told: change.id };
        let id = (of.id)(change.id);
        match (change.is_there, is_new) {
            (true, true) => sorted.created.push(id),
            (true, false) => sorted.updated.push(id),
            (false, _) => sorted.destroyed.push(id),
        }
    }
    if !has_more {
        // What came after the states were read may have been told already.
        told = State::at(epoch, modseq.max(told.modseq));
    }
    Ok(changes::response(arguments, told, has_more, sorted))
}

/// What may have moved in results since a state.
pub(crate) async fn moved(
    (of, since): (Type, State),
    results: Vec<String>,
    context: &Context<'_>,
) -> Result<Moved, MethodError> {
    let (mut removed, mut added) = (BTreeSet::new(), BTreeSet::new());
    let changes = read(of, since, context).await?;
    for change in changes.iter().filter(|change| !since.covers(change.modseq, change.id)) {
        let id = (of.id)(change.id);
        // One that was made since is not in what the client has.
        if since.covers(change.created, change.id) {
            removed.insert(id.clone());
        }
        added.insert(id);
    }
    Ok(Moved { results, removed, added })
}

async fn read(of: Type, since: State, context: &Context<'_>) -> Result<Vec<ObjectChange>, MethodError> {
    let store = &context.server.store;
    let (changes, complete) = store.object_changes(context.access, of.kind, before(since)).await?;
    if complete { Ok(changes) } else { Err(MethodError::CannotCalculateChanges) }
}
