//! EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, RFC 4315 §2.1). The EXPUNGE responses come from [`crate::cmd::sync`].

use crate::cmd::batch::uids_of;
use crate::cmd::{Context, Done, done, sync};
use crate::reply::Failure;
use crate::wire::set::{Numbering, SeqSet};

/// The command; with a set only those of its messages that are `\Deleted`.
pub(crate) async fn run(context: &mut Context<'_>, uids: Option<SeqSet>) -> Result<Done, Failure> {
    let (access, selected) = context.session.selected_for_change()?;
    let name = if uids.is_some() { "UID EXPUNGE" } else { "EXPUNGE" };
    let only = uids.map(|set| uids_of(&selected.view, &set, Numbering::Uid)).transpose()?;
    if only.as_ref().is_none_or(|uids| !uids.is_empty()) {
        let (_gone, _changes) = context.store().expunge(access, selected.mailbox(), only).await?;
        sync::tell_own(context).await?;
    }
    done(name)
}
