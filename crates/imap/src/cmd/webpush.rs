//! The five WEBPUSH commands (draft-gougeon-imap-webpush).

use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::wire::command::Command;

/// What SILWEBPUSH has set for this connection.
#[derive(Debug, Default)]
pub(crate) struct SessionPush;

/// Runs one of the five commands.
pub(crate) async fn run(context: &mut Context<'_>, command: Command) -> Result<Done, Failure> {
    context.session.access()?;
    Err(Failure::refused(
        crate::wire::response::Code::Cannot,
        format!("{} needs a notifier, and this server has none", command.name()),
    ))
}
