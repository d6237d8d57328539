//! Mailbox/changes (RFC 8621 §2.2).

use serde_json::json;
use store::MailboxRevision;

use crate::method::changes::{self, ChangesArguments, Sorted};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: ChangesArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let store = &context.server.store;
    let states = store.type_states(context.access).await?;
    let since = arguments.since(states.epoch, states.mailbox)?;
    let limit = arguments.limit()?;
    let (revisions, complete) = store.mailbox_revisions(context.access, before(since)).await?;
    if !complete {
        return Err(MethodError::CannotCalculateChanges);
    }
    let mut told = State::at(states.epoch, states.mailbox);
    let mut sorted = Sorted::default();
    let (mut only_counts, mut has_more) = (true, false);
    let last = |revision: &MailboxRevision| revision.modseq.max(revision.counts);
    for revision in revisions.iter().filter(|revision| !since.covers(last(revision), revision.id.0)) {
        if sorted.len() == limit {
            has_more = true;
            break;
        }
        told = State { epoch: states.epoch, modseq: last(revision), told: revision.id.0 };
        let id = id::of_mailbox(revision.id);
        if !revision.is_there {
            sorted.destroyed.push(id);
        } else if !since.covers(revision.created, revision.id.0) {
            sorted.created.push(id);
        } else {
            only_counts &= since.covers(revision.modseq, revision.id.0);
            sorted.updated.push(id);
        }
    }
    if !has_more {
        // What came after the states were read may have been told already.
        told = State::at(states.epoch, states.mailbox.max(told.modseq));
    }
    let has_only_counts = only_counts && !sorted.updated.is_empty();
    let mut response = changes::response(&arguments, told, has_more, sorted);
    let updated = if has_only_counts {
        json!(["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"])
    } else {
        json!(null)
    };
    response.insert("updatedProperties".to_owned(), updated);
    Ok(response)
}

/// From where the log is to be read: what was told of a commit in part is looked at again.
pub(crate) fn before(since: State) -> store::ModSeq {
    if since.told == u64::MAX { since.modseq } else { store::ModSeq(since.modseq.0.saturating_sub(1)) }
}
