//! CREATE (RFC 9051 §6.3.4, RFC 6154 §3, RFC 8474 §4.1).

use store::SpecialUse;

use crate::cmd::place::Place;
use crate::cmd::{Context, Done, list};
use crate::reply::Failure;
use crate::wire::command::Create;
use crate::wire::status::{Code, Status};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, create: Create) -> Result<Done, Failure> {
    // RFC 9051 §6.3.4: a delimiter at the end only says that children will come.
    let place = Place::of(context, create.mailbox.strip_suffix('/').unwrap_or(&create.mailbox)).await?;
    let special_use = match create.special_use.as_slice() {
        [] => None,
        [attribute] => Some(special_use(attribute).ok_or_else(|| use_refused("there is no such use here"))?),
        _ => return Err(use_refused("a mailbox has one use here")),
    };
    let (mailbox, _changes) = context.store().create_mailbox(&place.access, &place.name, special_use).await?;
    let name = place.shown(&mailbox.name);
    list::tell_canonical(context, (&name, &mailbox), create.mailbox.trim_end_matches('/'));
    Ok(Done::Status(Status::ok("CREATE done").with(Code::MailboxId(place.id_of(&mailbox)))))
}

// RFC 6154 §3: USEATTR.
fn use_refused(why: &'static str) -> Failure {
    Failure::refused(Code::UseAttr, why)
}

fn special_use(attribute: &str) -> Option<SpecialUse> {
    let known =
        [SpecialUse::Archive, SpecialUse::Drafts, SpecialUse::Junk, SpecialUse::Sent, SpecialUse::Trash];
    known.into_iter().find(|&use_| attribute_of(use_).eq_ignore_ascii_case(attribute))
}

/// A use as LIST shows it (RFC 6154 §2).
pub(crate) fn attribute_of(special_use: SpecialUse) -> &'static str {
    match special_use {
        SpecialUse::Archive => r"\Archive",
        SpecialUse::Drafts => r"\Drafts",
        SpecialUse::Junk => r"\Junk",
        SpecialUse::Sent => r"\Sent",
        SpecialUse::Trash => r"\Trash",
    }
}
