//! Quick resynchronisation (RFC 7162 §3.2.5 and §3.2.6): what has vanished and changed since a client was last here.
//!
//! It costs what has changed since, except for a client that was last here before the store's tombstones begin: that
//! one is told of every UID that it may know and that is not there, so more than necessary, never less.

use store::{MailboxChanges, ModSeq, Uid};

use crate::cmd::{Context, sync};
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::response::Response;
use crate::wire::select::Resync;
use crate::wire::set::NumberSet;

/// What the client knows.
struct Known {
    /// The messages that it asks about.
    uids: NumberSet,
    /// Up to this UID it is proven that nothing has vanished.
    sound: u32,
}

/// After SELECT: as if `UID FETCH known (FLAGS) (CHANGEDSINCE n VANISHED)` had been asked. Nothing if UIDVALIDITY is
/// another one.
pub(crate) async fn after_select(context: &mut Context<'_>, resync: &Resync) -> Result<(), Failure> {
    let (_, selected) = context.session.selected()?;
    let view = &selected.view;
    if view.base().uid_validity.0 != resync.uid_validity {
        return Ok(());
    }
    let uids = resync.known_uids.as_ref().map_or_else(NumberSet::all, |uids| uids.resolve(u32::MAX));
    let sound = resync.matches().take_while(|&(seq, uid)| view.seq_of(Uid(uid)) == Some(seq)).last();
    let known = Known { uids, sound: sound.map_or(0, |(_, uid)| uid) };
    let changes = tell_vanished(context, &known, ModSeq(resync.modseq)).await?;
    for entry in &changes.changed {
        let (_, selected) = context.session.selected()?;
        // As the view has it: what came after it was read is told at the next look.
        let seq = selected.view.seq_of(entry.uid).filter(|_| known.uids.contains(entry.uid.0));
        let seen = seq.and_then(|seq| Some((seq, selected.view.entry(seq)?)));
        if let Some((seq, entry)) = seen.filter(|(_, entry)| entry.modseq.0 > resync.modseq) {
            sync::tell_entry(context, seq, entry)?;
            context.link.drain().await?;
        }
    }
    Ok(())
}

/// Before UID FETCH with VANISHED: those of its messages that have vanished since.
pub(crate) async fn before_fetch(
    context: &mut Context<'_>,
    uids: NumberSet,
    since: ModSeq,
) -> Result<(), Failure> {
    let known = Known { uids, sound: 0 };
    tell_vanished(context, &known, since).await.map(|_| ())
}

async fn tell_vanished(
    context: &mut Context<'_>,
    known: &Known,
    since: ModSeq,
) -> Result<MailboxChanges, Failure> {
    let (access, selected) = context.session.selected()?;
    let changes = context.store().mailbox_changes(access, selected.mailbox(), since).await?;
    let vanished = vanished(&selected.view, known, &changes);
    if !vanished.is_empty() {
        context.untagged(&Response::VanishedEarlier(&vanished));
    }
    Ok(changes)
}

/// What the client sees in its view is not gone for it: it will be told of it as VANISHED, without EARLIER.
fn vanished(view: &ClientView, known: &Known, changes: &MailboxChanges) -> NumberSet {
    if !changes.complete {
        return view.lacking(&known.uids, known.sound);
    }
    let gone = changes.vanished.iter().filter(|uid| known.uids.contains(uid.0));
    NumberSet::from_sorted(gone.filter(|&&uid| view.seq_of(uid).is_none()).map(|uid| uid.0))
}
