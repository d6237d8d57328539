//! CATENATE (RFC 4469): a message that a client makes of what it sends and of what the server has already. The messages
//! that URLs name are those that the user may read; URLAUTH (RFC 4467) (not done: nobody sends from here).

use bytes::{Bytes, BytesMut};
use store::{Access, Columns, MailboxId, Uid};

use crate::cmd::Context;
use crate::cmd::fetch::stretch::{NoStretch, stretch};
use crate::cmd::place::Place;
use crate::reply::Failure;
use crate::wire::append::CatPart;
use crate::wire::status::Code;
use crate::wire::url::MessageUrl;

/// The octets of all parts, one after the other, unchanged. `\Seen` is set nowhere.
/// Refused if they are more than `bytes_max`.
pub(crate) async fn catenated(
    context: &Context<'_>,
    parts: &[CatPart],
    bytes_max: u64,
) -> Result<Bytes, Failure> {
    let mut message = BytesMut::new();
    for part in parts {
        let room = bytes_max.saturating_sub(message.len() as u64);
        match part {
            CatPart::Text(text, _) if text.len() as u64 > room => return Err(too_big()),
            CatPart::Text(text, _) => message.extend_from_slice(text),
            CatPart::Url(url) => message.extend_from_slice(&named(context, url, room).await?),
        }
    }
    Ok(message.freeze())
}

/// What a URL names.
async fn named(context: &Context<'_>, text: &str, room: u64) -> Result<Bytes, Failure> {
    let bad = || Failure::refused(Code::BadUrl(text.to_owned()), "that URL names nothing here");
    let url = MessageUrl::parse(text).ok_or_else(bad)?;
    let (way, mailbox) = mailbox_of(context, &url).await?.ok_or_else(bad)?;
    let store = context.store();
    let columns = Columns { envelope: false, structure: true, summary: false };
    let rows = match store.messages(&way, mailbox, vec![Uid(url.uid)], columns).await {
        Err(store::Error::NotFound(_) | store::Error::Forbidden(_)) => return Err(bad()),
        rows => rows?,
    };
    let row = rows.first().ok_or_else(bad)?;
    match stretch((store, &way), row, &url.section, room).await? {
        Ok(octets) => Ok(octets),
        Err(NoStretch::Nowhere) => Err(bad()),
        // RFC 4469 §4.2
        Err(NoStretch::TooLong) => Err(too_big()),
    }
}

/// The mailbox of a URL, and the way there; `None` if there is no such one.
async fn mailbox_of(context: &Context<'_>, url: &MessageUrl) -> Result<Option<(Access, MailboxId)>, Failure> {
    if url.mailbox.is_empty() {
        let selected = context.session.selected().ok();
        return Ok(selected.map(|(way, selected)| (way.clone(), selected.mailbox())));
    }
    let Place { access: way, name, .. } = match Place::of(context, &url.mailbox).await {
        Err(Failure::Store(store::Error::Invalid { .. })) => return Ok(None),
        place => place?,
    };
    let mailbox = match context.store().mailbox_named(&way, &name).await {
        Err(store::Error::NotFound(_)) => return Ok(None),
        mailbox => mailbox?,
    };
    let is_meant = url.uid_validity.is_none_or(|uid_validity| uid_validity == mailbox.uid_validity.0);
    Ok(is_meant.then_some((way, mailbox.id)))
}

fn too_big() -> Failure {
    Failure::refused(Code::TooBig, "the message is too big")
}
