//! COPY and MOVE (RFC 9051 §6.4.7 and §6.4.8, RFC 6851, RFC 4315 §3, RFC 9738 §3.1).

use store::{MailboxId, MailboxName, Placed, Uid};

use crate::cmd::batch::{seqs_of, uids_of};
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
    let to = target(context, access, &transfer.mailbox).await?;
    let mut status = Status::ok("COPY done");
    if !uids.is_empty() {
        let copied = context.store().copy(access, selected.mailbox(), uids, to).await;
        let (placed, _changes) = copied.map_err(Failure::Target)?;
        status.code = copy_uid(&placed);
        note_own(context, &placed);
    }
    Ok(Done::Status(status))
}

/// MOVE. The EXPUNGE responses come from [`crate::cmd::sync`].
pub(crate) async fn move_messages(context: &mut Context<'_>, transfer: Transfer) -> Result<Done, Failure> {
    let (access, selected) = context.session.selected_for_change()?;
    let (uids, cut) = newest(context, selected, &transfer)?;
    let to = target(context, access, &transfer.mailbox).await?;
    let mut status = Status::ok("MOVE done");
    if !uids.is_empty() {
        let moved = context.store().move_messages(access, selected.mailbox(), uids, to).await;
        let (placed, changes) = moved.map_err(Failure::Target)?;
        // RFC 7162 §3.2.7: MOVE expunges, too.
        if context.session.tells_highest() && !placed.is_empty() {
            status.code = Some(Code::HighestModSeq(changes.modseq.0));
        }
        // RFC 6851 §4.3: untagged, before the EXPUNGEs, so that the client knows where they went.
        if let Some(code) = copy_uid(&placed) {
            Status::ok("moved").with(code).encode(&mut context.link.out, None);
        }
        note_own(context, &placed);
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

async fn target(context: &Context<'_>, access: &store::Access, mailbox: &str) -> Result<MailboxId, Failure> {
    let name = MailboxName::new(mailbox)?;
    Ok(context.store().mailbox_named(access, &name).await.map_err(Failure::Target)?.id)
}

fn note_own(context: &mut Context<'_>, placed: &[(Uid, Placed)]) {
    let placed: Vec<Placed> = placed.iter().map(|(_, placed)| *placed).collect();
    context.session.note_own(&placed);
}

/// RFC 4315 §3: the n-th UID of one set has become the n-th of the other. `None` if no message was there any more.
fn copy_uid(placed: &[(Uid, Placed)]) -> Option<Code> {
    let uid_validity = placed.first()?.1.uid_validity.0;
    let from = NumberSet::from_sorted(placed.iter().map(|(uid, _)| uid.0));
    let to = NumberSet::from_sorted(placed.iter().map(|(_, placed)| placed.uid.0));
    Some(Code::CopyUid { uid_validity, from, to })
}
