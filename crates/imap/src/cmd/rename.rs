//! RENAME (RFC 9051 §6.3.6).

use crate::cmd::place::Place;
use crate::cmd::{Context, Done, done, list};
use crate::reply::Failure;
use crate::wire::status::Code;

/// The command. Renaming INBOX moves its messages and leaves it empty; the store does both.
pub(crate) async fn run(context: &mut Context<'_>, from: &str, to: &str) -> Result<Done, Failure> {
    let from = Place::of(context, from).await?;
    let given = to.strip_suffix('/').unwrap_or(to);
    let to = Place::of(context, given).await?;
    if from.access.owner() != to.access.owner() {
        return Err(Failure::refused(Code::Cannot, "a mailbox stays its owner's"));
    }
    let _changes = context.store().rename_mailbox(&from.access, &from.name, &to.name).await?;
    let name = to.shown(&to.name);
    if context.session.enabled.rev2 && name != given {
        let renamed = context.store().mailbox_named(&to.access, &to.name).await?;
        list::tell_canonical(context, (&name, &renamed), given);
    }
    done("RENAME")
}
