//! EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, RFC 4315 §2.1, RFC 7162 §3.2.7). The EXPUNGE responses
//! come from [`crate::cmd::sync`].

use crate::cmd::batch::uids_of;
use crate::cmd::{Context, Done, done, sync};
use crate::reply::Failure;
use crate::wire::set::{Numbering, SeqSet};
use crate::wire::status::{Code, Status};

/// The command; with a set only those of its messages that are `\Deleted`.
pub(crate) async fn run(context: &mut Context<'_>, uids: Option<SeqSet>) -> Result<Done, Failure> {
    let (access, selected) = context.session.selected_for_change()?;
    let name = if uids.is_some() { "UID EXPUNGE" } else { "EXPUNGE" };
    let only = uids.map(|set| uids_of(&selected.view, &set, Numbering::Uid)).transpose()?;
    if only.as_ref().is_some_and(Vec::is_empty) {
        return done(name);
    }
    let (gone, changes) = context.store().expunge(access, selected.mailbox(), only).await?;
    sync::tell_own(context).await?;
    if gone.is_empty() || !context.session.tells_highest() {
        return done(name);
    }
    // RFC 7162 §3.2.7: all that came before it is told ahead of this answer.
    let code = Code::HighestModSeq(changes.modseq.0);
    Ok(Done::Status(Status::ok(format!("{name} done")).with(code)))
}
