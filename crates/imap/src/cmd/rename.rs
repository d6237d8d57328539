//! RENAME (RFC 9051 §6.3.6).

use store::MailboxName;

use crate::cmd::{Context, Done, done, list};
use crate::reply::Failure;

/// The command. Renaming INBOX moves its messages and leaves it empty; the store does both.
pub(crate) async fn run(context: &mut Context<'_>, from: &str, to: &str) -> Result<Done, Failure> {
    let access = context.session.access()?;
    let from = MailboxName::new(from)?;
    let given = to.strip_suffix('/').unwrap_or(to);
    let to = MailboxName::new(given)?;
    let _changes = context.store().rename_mailbox(access, &from, &to).await?;
    if context.session.enabled.rev2 && to.as_str() != given {
        let renamed = context.store().mailbox_named(context.session.access()?, &to).await?;
        list::tell_canonical(context, &renamed, given);
    }
    done("RENAME")
}
