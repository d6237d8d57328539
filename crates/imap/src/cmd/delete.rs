//! DELETE (RFC 9051 §6.3.5).

use store::MailboxName;

use crate::cmd::{Context, Done, done, unselect};
use crate::reply::Failure;
use crate::wire::status::Code;

/// The command. A mailbox with children is not deleted: this server has no mailboxes that can't be selected.
pub(crate) async fn run(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let access = context.session.access()?;
    let name = MailboxName::new(mailbox)?;
    if name == MailboxName::inbox() {
        return Err(Failure::refused(Code::Cannot, "INBOX can't be deleted"));
    }
    let id = context.store().mailbox_named(access, &name).await?.id;
    let all = context.store().mailboxes(access).await?;
    if all.iter().any(|other| other.name.parent().as_ref() == Some(&name)) {
        return Err(Failure::refused(Code::HasChildren, "delete its children first"));
    }
    let _changes = context.store().delete_mailbox(access, id).await?;
    if context.session.selected().is_ok_and(|(_, selected)| selected.mailbox() == id) {
        unselect::leave(context);
    }
    done("DELETE")
}
