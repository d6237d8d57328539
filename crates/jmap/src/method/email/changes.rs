//! Email/changes (RFC 8621 §4.3).

use std::collections::HashSet;

use store::EmailChange;

use crate::method::changes::{self, ChangesArguments, Sorted};
use crate::method::mailbox::changes::before;
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: ChangesArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let states = context.server.store.type_states(context.access).await?;
    let since = arguments.since(states.epoch, states.email)?;
    let limit = arguments.limit()?;
    let (changes, mut told, mut has_more) = read(context, since, limit).await?;
    let mut sorted = Sorted::default();
    for change in &changes {
        if sorted.len() == limit {
            has_more = true;
            break;
        }
        let id = id::of_email(change.id);
        let is_new = !since.covers(change.created, change.id.0);
        match (change.is_there, is_new) {
            (true, true) => sorted.created.push(id),
            (true, false) => sorted.updated.push(id),
            // RFC 8620 §5.2: what came and went since is left out.
            (false, true) => {}
            (false, false) => sorted.destroyed.push(id),
        }
        if sorted.len() == limit {
            told = State { epoch: states.epoch, modseq: change.modseq, told: change.id.0 };
        }
    }
    if !has_more {
        told = State::at(states.epoch, states.email.max(since.modseq));
    }
    Ok(changes::response(&arguments, told, has_more, sorted))
}

/// Changes after a state, by MODSEQ, then id; about `limit` of them if there are so many. Up to where that is, and whether there
/// are more.
pub(crate) async fn read(
    context: &Context<'_>,
    since: State,
    limit: usize,
) -> Result<(Vec<EmailChange>, State, bool), MethodError> {
    let (mut all, mut from) = (Vec::<EmailChange>::new(), before(since));
    loop {
        let page = context.server.store.email_changes(context.access, from, PAGE_CHANGES).await?;
        if !page.complete {
            return Err(MethodError::CannotCalculateChanges);
        }
        let is_news = |change: &EmailChange| !since.covers(change.modseq, change.id.0) && !change.was_gone;
        all.extend(page.changes.into_iter().filter(is_news));
        let has_moved = page.modseq > from;
        from = page.modseq;
        if !page.more || all.len() > limit {
            return Ok((latest(all), State::at(since.epoch, from), page.more));
        }
        if all.len() > CHANGES_MAX || !has_moved {
            // RFC 8620 §5.2: so much has happened that reading everything anew is less.
            return Err(MethodError::CannotCalculateChanges);
        }
    }
}

/// Each email once: what a later page says of it stands.
fn latest(mut all: Vec<EmailChange>) -> Vec<EmailChange> {
    let mut seen = HashSet::new();
    all.reverse();
    all.retain(|change| seen.insert(change.id));
    all.reverse();
    all
}

const PAGE_CHANGES: usize = 8192;
const CHANGES_MAX: usize = 200_000;
