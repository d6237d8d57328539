//! SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7 and §6.3.8).

use store::MailboxName;

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;

/// SUBSCRIBE. Only a mailbox that is there can be subscribed to; the subscription outlives it (RFC 9051 §6.3.7).
pub(crate) async fn run(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let access = context.session.access()?;
    let name = MailboxName::new(mailbox)?;
    context.store().mailbox_named(access, &name).await?;
    let _changes = context.store().set_subscribed(access, &name, true).await?;
    done("SUBSCRIBE")
}

/// UNSUBSCRIBE.
pub(crate) async fn undo(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let access = context.session.access()?;
    let name = MailboxName::new(mailbox)?;
    let _changes = context.store().set_subscribed(access, &name, false).await?;
    done("UNSUBSCRIBE")
}
