//! SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7 and §6.3.8).

use store::MailboxName;

use crate::cmd::place::Place;
use crate::cmd::{Context, Done, done};
use crate::reply::Failure;

/// SUBSCRIBE. Only a mailbox that is there can be subscribed to; the subscription outlives it (RFC 9051 §6.3.7). Others'
/// mailboxes are subscribed to by the names that they have for this account.
pub(crate) async fn run(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let place = Place::of(context, mailbox).await?;
    let mailbox = context.store().mailbox_named(&place.access, &place.name).await?;
    let name = MailboxName::new(&place.shown(&mailbox.name))?;
    let access = context.session.access()?;
    let _changes = context.store().set_subscribed(access, &name, true).await?;
    done("SUBSCRIBE")
}

/// UNSUBSCRIBE.
pub(crate) async fn undo(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let place = Place::of(context, mailbox).await?;
    let name = MailboxName::new(&place.shown(&place.name))?;
    let access = context.session.access()?;
    let _changes = context.store().set_subscribed(access, &name, false).await?;
    done("UNSUBSCRIBE")
}
