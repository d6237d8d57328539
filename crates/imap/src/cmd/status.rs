//! STATUS (RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 7889 §4, RFC 8474 §4.3, RFC 9208 §4.1.4).

use store::{Access, Mailbox, Rights};

use crate::cmd::place::{Place, other_owner};
use crate::cmd::{Context, Done, done, enable};
use crate::reply::Failure;
use crate::wire::list::StatusItem;
use crate::wire::response::{Response, StatusLine};
use crate::wire::status::Code;

/// The command.
pub(crate) async fn run(
    context: &mut Context<'_>,
    mailbox: &str,
    items: &[StatusItem],
) -> Result<Done, Failure> {
    context.session.access()?;
    prepare(context, items)?;
    let place = Place::of(context, mailbox).await?;
    let mailbox = context.store().mailbox_named(&place.access, &place.name).await?;
    // RFC 4314 §4
    if !context.store().rights(&place.access, mailbox.id).await?.contains(Rights::READ) {
        return Err(Failure::refused(Code::NoPerm, "the mailbox may not be read"));
    }
    let name = place.shown(&mailbox.name);
    tell(context, (&place.access, &name), &mailbox, items).await?;
    done("STATUS")
}

/// What comes before STATUS responses with these items.
pub(crate) fn prepare(context: &mut Context<'_>, items: &[StatusItem]) -> Result<(), Failure> {
    // RFC 9051 §6.3.11: IMAP4rev2 has no such item.
    if context.session.enabled.rev2 && items.contains(&StatusItem::Recent) {
        return Err(Failure::bad("IMAP4rev2 has no RECENT"));
    }
    if items.contains(&StatusItem::HighestModSeq) {
        enable::condstore(context);
    }
    Ok(())
}

/// Writes a STATUS response for a mailbox by the way to it and the name that the client knows.
pub(crate) async fn tell(
    context: &mut Context<'_>,
    (access, name): (&Access, &str),
    mailbox: &Mailbox,
    items: &[StatusItem],
) -> Result<(), Failure> {
    let deleted_bytes = if items.contains(&StatusItem::DeletedStorage) {
        context.store().deleted_bytes(access, mailbox.id).await?
    } else {
        0
    };
    let value = |item| match item {
        StatusItem::DeletedStorage => deleted_bytes,
        item => value(context, mailbox, item),
    };
    let values: Vec<(StatusItem, u64)> = items.iter().map(|&item| (item, value(item))).collect();
    let line = StatusLine { name, values: &values, owner: other_owner(access) };
    context.untagged(&Response::StatusOf(line));
    Ok(())
}

fn value(context: &Context<'_>, mailbox: &Mailbox, item: StatusItem) -> u64 {
    match item {
        StatusItem::Messages => u64::from(mailbox.messages),
        // RFC 3501 §2.3.2: no message is \Recent here.
        StatusItem::Recent => 0,
        StatusItem::UidNext => u64::from(mailbox.uid_next),
        StatusItem::UidValidity => u64::from(mailbox.uid_validity.0),
        StatusItem::Unseen => u64::from(mailbox.unseen),
        StatusItem::Deleted => u64::from(mailbox.deleted),
        StatusItem::Size => mailbox.size,
        StatusItem::HighestModSeq => mailbox.highest_modseq.0.max(1),
        StatusItem::MailboxId => mailbox.id.0,
        // Counted by the caller: the mailbox's row does not hold it.
        StatusItem::DeletedStorage => 0,
        // One limit for all mailboxes.
        StatusItem::AppendLimit => context.server.options.limits.message_bytes,
    }
}
