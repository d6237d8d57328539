//! COPY and MOVE (RFC 9051 §6.4.7 and §6.4.8, RFC 6851, RFC 4315 §3, RFC 9738 §3.1).

use store::{Access, AccountId, MailboxId, Placed, Uid};

use crate::cmd::batch::{seqs_of, uids_of};
use crate::cmd::place::Place;
use crate::cmd::{Context, Done, message_limit, sync};
use crate::reply::Failure;
use crate::session::Selected;
use crate::wire::command::Transfer;
use crate::wire::set::NumberSet;
use crate::wire::status::{Code, Status};

/// COPY.
pub(crate) async fn copy(context: &mut Context<'_>, transfer: Transfer) -> Result<Done, Failure> {
    let (access, selected) = context.session.selected()?;
    let (uids, cut) = newest(context, selected, &transfer)?;
    // RFC 9738 §3.1: all of them or none.
    if let Some(code) = cut {
        return Err(Failure::refused(code, message_limit::TOO_MANY));
    }
    let (way, to) = target(context, &transfer.mailbox).await?;
    let mut status = Status::ok("COPY done");
    if !uids.is_empty() {
        let from = selected.mailbox();
        let copied = if way.owner() == access.owner() {
            context.store().copy(access, from, uids, to).await
        } else {
            context.store().copy_across((access, from), uids, (&way, to)).await
        };
        let (placed, _changes) = copied.map_err(Failure::Target)?;
        status.code = copy_uid(&placed);
        note_own(context, way.owner(), &placed);
    }
    Ok(Done::Status(status))
}

/// MOVE. The EXPUNGE responses come from [`crate::cmd::sync`].
pub(crate) async fn move_messages(context: &mut Context<'_>, transfer: Transfer) -> Result<Done, Failure> {
    let (access, selected) = context.session.selected_for_change()?;
    let (uids, cut) = newest(context, selected, &transfer)?;
    let (way, to) = target(context, &transfer.mailbox).await?;
    let mut status = Status::ok("MOVE done");
    if !uids.is_empty() {
        let from = selected.mailbox();
        let moved = if way.owner() == access.owner() {
            context.store().move_messages(access, from, uids, to).await
        } else {
            context.store().move_across((access, from), uids, (&way, to)).await
        };
        let (placed, changes) = moved.map_err(Failure::Target)?;
        // RFC 7162 §3.2.7: MOVE expunges, too.
        if context.session.tells_highest() && !placed.is_empty() {
            status.code = Some(Code::HighestModSeq(changes.modseq.0));
        }
        // RFC 6851 §4.3: untagged, before the EXPUNGEs, so that the client knows where they went.
        if let Some(code) = copy_uid(&placed) {
            Status::ok("moved").with(code).encode(&mut context.link.out, None);
        }
        note_own(context, way.owner(), &placed);
        sync::tell_own(context).await?;
    }
    Ok(Done::Status(message_limit::told(context, status, cut)))
}

/// The messages that the command acts on, and the code that says so if these are not all.
fn newest(
    context: &Context<'_>,
    selected: &Selected,
    transfer: &Transfer,
) -> Result<(Vec<Uid>, Option<Code>), Failure> {
    let seqs = seqs_of(&selected.view, &transfer.set, transfer.numbering)?;
    let limit = context.server.options.limits.message_limit;
    let (seqs, cut) = message_limit::newest(limit, &selected.view, seqs);
    Ok((uids_of(&selected.view, &seqs), cut))
}

/// Where messages go, and the way there.
async fn target(context: &Context<'_>, mailbox: &str) -> Result<(Access, MailboxId), Failure> {
    let Place { access, name, .. } = Place::of(context, mailbox).await?;
    let id = context.store().mailbox_named(&access, &name).await.map_err(Failure::Target)?.id;
    Ok((access, id))
}

fn note_own(context: &mut Context<'_>, owner: AccountId, placed: &[(Uid, Placed)]) {
    let placed: Vec<Placed> = placed.iter().map(|(_, placed)| *placed).collect();
    context.session.note_own(owner, &placed);
}

/// RFC 4315 §3: the n-th UID of one set has become the n-th of the other. `None` if no message was there any more.
fn copy_uid(placed: &[(Uid, Placed)]) -> Option<Code> {
    let uid_validity = placed.first()?.1.uid_validity.0;
    let from = NumberSet::from_sorted(placed.iter().map(|(uid, _)| uid.0));
    let to = NumberSet::from_sorted(placed.iter().map(|(_, placed)| placed.uid.0));
    Some(Code::CopyUid { uid_validity, from, to })
}
