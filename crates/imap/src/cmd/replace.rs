//! REPLACE and UID REPLACE (RFC 8508): a new message in the place of an old one, in one commit.
//!
//! The EXPUNGE of the old message and the EXISTS of the new one come from [`crate::cmd::sync`].

use crate::cmd::append::{append_uid, prepare, target};
use crate::cmd::batch::{seqs_of, uids_of};
use crate::cmd::{Context, Done, sync};
use crate::reply::Failure;
use crate::wire::append::Replace;
use crate::wire::set::Numbering;
use crate::wire::status::{Code, Status};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, replace: Replace) -> Result<Done, Failure> {
    let (_, selected) = context.session.selected_for_change()?;
    let uids = uids_of(&selected.view, &seqs_of(&selected.view, &replace.replaced, replace.numbering)?);
    // RFC 8508 §3.1: NO, and nothing is appended.
    let [uid] = *uids.as_slice() else { return Err(no_such_message()) };
    let (way, target) = target(context, &replace.mailbox).await?;
    let mut room = context.server.options.limits.message_bytes;
    let message = prepare(context, replace.message, target, &mut room).await?;
    let (access, selected) = context.session.selected_for_change()?;
    if way.owner() != access.owner() {
        // The two can't be one commit of an account.
        return Err(Failure::refused(Code::Cannot, "a replacement stays with the same owner"));
    }
    let replaced = context.store().replace(access, (selected.mailbox(), uid), message).await;
    let delivered = match replaced {
        Err(store::Error::NotFound("message")) => return Err(no_such_message()),
        replaced => replaced.map_err(Failure::Target)?,
    };
    // RFC 8508 §3.4: untagged, before the EXPUNGE.
    if let Some(code) = append_uid(&[delivered.placed]) {
        Status::ok("replaced").with(code).encode(&mut context.link.out, None);
    }
    context.session.note_own(way.owner(), &[delivered.placed]);
    sync::tell_own(context).await?;
    let mut status = Status::ok(match replace.numbering {
        Numbering::Seq => "REPLACE done",
        Numbering::Uid => "UID REPLACE done",
    });
    // RFC 7162 §3.2.7: REPLACE expunges, too.
    if context.session.tells_highest() {
        status.code = Some(Code::HighestModSeq(delivered.replaced_at.0));
    }
    Ok(Done::Status(status))
}

// RFC 5530 §3: another session has been quicker.
fn no_such_message() -> Failure {
    Failure::refused(Code::ExpungeIssued, "that message is gone")
}
