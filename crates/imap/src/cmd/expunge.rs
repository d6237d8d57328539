//! EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, RFC 4315 §2.1, RFC 7162 §3.2.7, RFC 9738 §3.1). The EXPUNGE responses
//! come from [`crate::cmd::sync`].

use store::Flags;

use crate::cmd::batch::{seqs_of, uids_of};
use crate::cmd::{Context, Done, done, message_limit, sync};
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::set::{NumberSet, Numbering, SeqSet};
use crate::wire::status::{Code, Status};

/// The command; with a set only those of its messages that are `\Deleted`.
pub(crate) async fn run(context: &mut Context<'_>, uids: Option<SeqSet>) -> Result<Done, Failure> {
    let (access, selected) = context.session.selected_for_change()?;
    let name = if uids.is_some() { "UID EXPUNGE" } else { "EXPUNGE" };
    let limit = context.server.options.limits.message_limit;
    let (only, cut) = match uids {
        Some(set) => {
            let seqs = seqs_of(&selected.view, &set, Numbering::Uid)?;
            // RFC 9738 §3.1: only those that would go count.
            let seqs = if limit.is_some() { deleted(&selected.view, &seqs) } else { seqs };
            let (seqs, cut) = message_limit::newest(limit, &selected.view, seqs);
            (Some(uids_of(&selected.view, &seqs)), cut)
        }
        None => (None, None),
    };
    if only.as_ref().is_some_and(Vec::is_empty) {
        return done(name);
    }
    let (gone, changes) = context.store().expunge(access, selected.mailbox(), only).await?;
    sync::tell_own(context).await?;
    let mut status = Status::ok(format!("{name} done"));
    // RFC 7162 §3.2.7: all that came before it is told ahead of this answer.
    if !gone.is_empty() && context.session.tells_highest() {
        status.code = Some(Code::HighestModSeq(changes.modseq.0));
    }
    Ok(Done::Status(message_limit::told(context, status, cut)))
}

/// Those that are `\Deleted` as far as the client knows.
fn deleted(view: &ClientView, seqs: &NumberSet) -> NumberSet {
    let entries = seqs.ranges().iter().flat_map(|&(first, last)| view.entries(first, last));
    let deleted = entries.filter(|(_, entry)| entry.flags.contains(Flags::DELETED));
    NumberSet::from_sorted(deleted.map(|(seq, _)| seq))
}
