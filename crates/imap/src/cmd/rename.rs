//! RENAME (RFC 9051 §6.3.6).

use store::MailboxName;

use crate::cmd::{Context, Done, done};
use crate::reply::Failure;

/// The command. Renaming INBOX moves its messages and leaves it empty; the store does both.
pub(crate) async fn run(context: &mut Context<'_>, from: &str, to: &str) -> Result<Done, Failure> {
    let access = context.session.access()?;
    let from = MailboxName::new(from)?;
    let to = MailboxName::new(to.strip_suffix('/').unwrap_or(to))?;
    let _changes = context.store().rename_mailbox(access, &from, &to).await?;
    done("RENAME")
}
