//! DELETE (RFC 9051 §6.3.5).

use store::MailboxName;

use crate::cmd::place::Place;
use crate::cmd::{Context, Done, done, unselect};
use crate::reply::Failure;
use crate::wire::status::Code;

/// The command. A mailbox with children is not deleted: this server has no mailboxes that can't be selected.
pub(crate) async fn run(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let Place { access, name, .. } = Place::of(context, mailbox).await?;
    if name == MailboxName::inbox() && access.is_own() {
        return Err(Failure::refused(Code::Cannot, "INBOX can't be deleted"));
    }
    let id = context.store().mailbox_named(&access, &name).await?.id;
    let all = context.store().mailboxes(&access).await?;
    if all.iter().any(|other| other.name.parent().as_ref() == Some(&name)) {
        return Err(Failure::refused(Code::HasChildren, "delete its children first"));
    }
    let _changes = context.store().delete_mailbox(&access, id).await?;
    if context
        .session
        .selected()
        .is_ok_and(|(way, selected)| way.owner() == access.owner() && selected.mailbox() == id)
    {
        unselect::leave(context);
    }
    done("DELETE")
}
