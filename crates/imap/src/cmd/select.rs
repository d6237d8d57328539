//! SELECT and EXAMINE (RFC 9051 §6.3.2 and §6.3.3, RFC 3501 §6.3.1, RFC 7162 §3.1.2, RFC 8474 §4.2).

use store::{Flags, MailboxName, Rights};

use crate::cmd::flags::{Permanent, tell};
use crate::cmd::{Context, Done, unselect};
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::session::{Mode, Selected};
use crate::wire::command::Select;
use crate::wire::response::Response;
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
    // RFC 9051 §6.3.2: the mailbox that was selected is left, even if the other one can't be selected.
    unselect::leave(context);
    if select.condstore {
        context.session.enabled.condstore = true;
    }
    let access = context.session.access()?;
    let name = MailboxName::new(&select.mailbox)?;
    let mailbox = context.store().mailbox_named(access, &name).await?;
    // Watched from before the view is read, so that no change falls between the two.
    let watch = context.server.bus.watch(access.owner().0);
    let view = context.store().view(access, mailbox.id).await?;
    let keywords = context.store().keywords(access).await?;
    let mode = match form {
        Form::Select if access.rights() == Rights::Owner => Mode::ReadWrite,
        _ => Mode::ReadOnly,
    };

    tell(context, &keywords, if mode == Mode::ReadWrite { Permanent::All } else { Permanent::None });
    let exists = u32::try_from(view.entries.len()).unwrap_or(u32::MAX);
    context.untagged(&Response::Exists(exists));
    // RFC 3501 §7.3.2: due; no message is \Recent here.
    context.untagged(&Response::Recent(0));
    let first_unseen = view.entries.iter().zip(1_u32..).find(|(e, _)| !e.flags.contains(Flags::SEEN));
    let codes = [
        first_unseen.map(|(_, seq)| (Code::Unseen(seq), "first unseen message")),
        Some((Code::UidValidity(view.uid_validity.0), "UIDs valid")),
        Some((Code::UidNext(view.uid_next), "next UID")),
        // RFC 7162 §3.1.2.1: a MODSEQ is above zero.
        Some((Code::HighestModSeq(view.highest_modseq.0.max(1)), "highest MODSEQ")),
        Some((Code::MailboxId(mailbox.id.0), "mailbox id")),
    ];
    for (code, text) in codes.into_iter().flatten() {
        Status::ok(text).with(code).encode(&mut context.link.out, None);
    }

    context.session.select(Selected { view: ClientView::new(view), mode, keywords, watch });
    let (code, text) = match mode {
        Mode::ReadWrite => (Code::ReadWrite, "selected"),
        Mode::ReadOnly => (Code::ReadOnly, "selected, read-only"),
    };
    Ok(Done::Status(Status::ok(text).with(code)))
}
