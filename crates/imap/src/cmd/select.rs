//! SELECT and EXAMINE (RFC 9051 §6.3.2 and §6.3.3, RFC 3501 §6.3.1, RFC 7162 §3.1.2 and §3.2.5, RFC 8474 §4.2).

use store::{Flags, Mailbox, Rights};

use crate::cmd::flags::tell;
use crate::cmd::place::Place;
use crate::cmd::{Context, Done, list, resync, unselect};
use crate::reply::Failure;
use crate::session::view::{ClientView, Expunges};
use crate::session::{Mode, Selected};
use crate::wire::response::{ObjectId, Response};
use crate::wire::select::Select;
use crate::wire::status::{Code, Status};

/// Which of the two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Read and write.
    Select,
    /// Read only.
    Examine,
}

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, select: Select, form: Form) -> Result<Done, Failure> {
    context.session.access()?;
    // RFC 7162 §3.2.5: QRESYNC has to be enabled before it is used here.
    if select.resync.is_some() && !context.session.enabled.qresync {
        return Err(Failure::bad("ENABLE QRESYNC comes before QRESYNC"));
    }
    // RFC 9051 §6.3.2: the mailbox that was selected is left, even if the other one can't be selected.
    unselect::leave(context);
    if select.condstore {
        context.session.enabled.condstore = true;
    }
    let place = Place::of(context, &select.mailbox).await?;
    let access = &place.access;
    let mailbox = context.store().mailbox_named(access, &place.name).await?;
    // Watched from before the view is read, so that no change falls between the two.
    let watch = context.server.bus.watch(access.owner().0);
    let opened = context.store().open_view(access, mailbox.id).await?;
    let keywords = context.store().keywords(access).await?;
    let rights = context.store().rights(access, mailbox.id).await?;
    let mode = match form {
        Form::Select if rights.intersects(CHANGING) => Mode::ReadWrite,
        _ => Mode::ReadOnly,
    };
    let mut view = ClientView::new(opened.view);
    let _updates = view.apply(&opened.changes, Expunges::Send);

    let selected = Selected { view, mode, rights, keywords, watch, own: Vec::new(), updated: Vec::new() };
    tell(context, &selected.keywords, selected.permitted());
    // RFC 7162 §3.2.5: a client that resynchronises knows which messages are unseen. RFC 9586 §3: UNSEEN is a number.
    let enabled = context.session.enabled;
    let tells_unseen = !enabled.rev2 && !enabled.uid_only && select.resync.is_none();
    let first_unseen = if tells_unseen { first_unseen(&selected.view) } else { None };
    tell_state(context, &selected.view, (&opened.mailbox, place.id_of(&mailbox)), first_unseen);
    // RFC 9051 §6.3.2: due with IMAP4rev2.
    if context.session.enabled.rev2 {
        let name = place.shown(&mailbox.name);
        list::tell_selected(context, (&name, &mailbox), &select.mailbox);
    }
    context.session.select(place.access, selected);
    if let Some(resync) = select.resync {
        resync::after_select(context, &resync).await?;
    }
    let (code, text) = match mode {
        Mode::ReadWrite => (Code::ReadWrite, "selected"),
        Mode::ReadOnly => (Code::ReadOnly, "selected, read-only"),
    };
    Ok(Done::Status(Status::ok(text).with(code)))
}

fn tell_state(
    context: &mut Context<'_>,
    view: &ClientView,
    (mailbox, id): (&Mailbox, ObjectId),
    first_unseen: Option<u32>,
) {
    context.untagged(&Response::Exists(view.exists()));
    // RFC 3501 §7.3.2: due; no message is \Recent here. RFC 9051 has no RECENT.
    if !context.session.enabled.rev2 {
        context.untagged(&Response::Recent(0));
    }
    let codes = [
        first_unseen.map(|seq| (Code::Unseen(seq), "first unseen message")),
        Some((Code::UidValidity(mailbox.uid_validity.0), "UIDs valid")),
        Some((Code::UidNext(mailbox.uid_next), "next UID")),
        // RFC 7162 §3.1.2.1: a MODSEQ is above zero.
        Some((Code::HighestModSeq(mailbox.highest_modseq.0.max(1)), "highest MODSEQ")),
        Some((Code::MailboxId(id), "mailbox id")),
    ];
    for (code, text) in codes.into_iter().flatten() {
        Status::ok(text).with(code).encode(&mut context.link.out, None);
    }
}

fn first_unseen(view: &ClientView) -> Option<u32> {
    let mut all = view.entries(1, view.exists());
    all.find(|(_, entry)| !entry.flags.contains(Flags::SEEN)).map(|(seq, _)| seq)
}

/// RFC 4314 §5.2: with none of them the mailbox is read-only.
const CHANGING: Rights = Rights::SEEN
    .union(Rights::WRITE)
    .union(Rights::INSERT)
    .union(Rights::DELETE_MESSAGES)
    .union(Rights::EXPUNGE);
