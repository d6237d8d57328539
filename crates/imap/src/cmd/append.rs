//! APPEND (RFC 9051 §6.3.12, RFC 3502, RFC 4315 §3, RFC 4469, RFC 6855 §4).

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use message::Parsed;
use store::{Access, Cause, NewMessage, Placed, Raw, Store, Target, UnixTime};

use crate::cmd::catenate::catenated;
use crate::cmd::place::Place;
use crate::cmd::{Context, Done, flags, message_limit, now};
use crate::reply::Failure;
use crate::session::Session;
use crate::wire::append::{self, Append, AppendContent, AppendForm, AppendMessage, CatPart};
use crate::wire::set::NumberSet;
use crate::wire::status::{Code, Status};

/// Whether an APPEND, of which the literal is still to come, names a mailbox that is not there.
pub(crate) async fn names_no_mailbox(store: &Store, session: &Session, head: Bytes) -> bool {
    let Ok(access) = session.access() else { return false };
    let name = append::target(&head, session.names());
    let Some(name) = name else { return false };
    let Ok(place) = Place::reached_by(store, access, &name).await else { return false };
    matches!(store.mailbox_named(&place.access, &place.name).await, Err(store::Error::NotFound(_)))
}

/// The command. RFC 3502 §3: all of its messages, or none.
pub(crate) async fn run(context: &mut Context<'_>, append: Append) -> Result<Done, Failure> {
    let (access, target) = target(context, &append.mailbox).await?;
    // RFC 9738 §3.1: all of them or none.
    message_limit::check(context.server.options.limits.message_limit, append.messages.len())?;
    let mut messages = Vec::with_capacity(append.messages.len());
    let mut room = context.server.options.limits.message_bytes;
    for message in append.messages {
        messages.push(prepare(context, message, target.clone(), &mut room).await?);
    }
    let (placed, _changes) = context.store().append_many(&access, messages).await.map_err(Failure::Target)?;
    context.session.note_own(access.owner(), &placed);
    let status = Status::ok("APPEND done");
    Ok(Done::Status(match append_uid(&placed) {
        Some(code) => status.with(code),
        None => status,
    }))
}

/// The mailbox that messages go to, and the way there.
pub(crate) async fn target(context: &Context<'_>, mailbox: &str) -> Result<(Access, Target), Failure> {
    let Place { access, name, .. } = Place::of(context, mailbox).await?;
    let mailbox = context.store().mailbox_named(&access, &name).await.map_err(Failure::Target)?;
    Ok((access, Target::Id(mailbox.id)))
}

/// A client's message as the store takes it. `room` is what all messages of a command have together, in octets.
pub(crate) async fn prepare(
    context: &Context<'_>,
    message: AppendMessage,
    target: Target,
    room: &mut u64,
) -> Result<NewMessage, Failure> {
    if has_utf8(&message.content) && !context.session.enabled.utf8 {
        return Err(Failure::bad("ENABLE UTF8=ACCEPT comes before UTF8"));
    }
    let (bytes, form) = match message.content {
        AppendContent::Message(bytes, form) => (bytes, form),
        // RFC 4469 §3: unchanged.
        AppendContent::Catenate(parts) => (catenated(context, &parts, *room).await?, AppendForm::Literal8),
    };
    *room = room.saturating_sub(bytes.len() as u64);
    // RFC 3502 §3: a client that has changed its mind sends nothing.
    if bytes.is_empty() {
        return Err(Failure::refused(Code::Cannot, "there is no message of no bytes"));
    }
    let (flags, keywords) = flags::to_store(message.flags);
    Ok(NewMessage {
        raw: parsed(bytes, form).await?,
        target,
        received_at: message.internal_date.map_or_else(now, UnixTime),
        flags,
        keywords,
        cause: Cause::Append,
    })
}

fn has_utf8(content: &AppendContent) -> bool {
    match content {
        AppendContent::Message(_, form) => *form == AppendForm::Utf8,
        AppendContent::Catenate(parts) => {
            parts.iter().any(|part| matches!(part, CatPart::Text(_, AppendForm::Utf8)))
        }
    }
}

/// RFC 4315 §3, RFC 3502 §5: the UIDs that they have got. `None` for none.
pub(crate) fn append_uid(placed: &[Placed]) -> Option<Code> {
    let uid_validity = placed.first()?.uid_validity.0;
    Some(Code::AppendUid {
        uid_validity,
        uids: NumberSet::from_sorted(placed.iter().map(|placed| placed.uid.0)),
    })
}

/// The message as it is stored, and its one parse; a large one is parsed off the connections' threads.
async fn parsed(message: Bytes, form: AppendForm) -> Result<Raw, Failure> {
    let is_large = message.len() > PARSE_HERE_BYTES_MAX;
    let parse = move || {
        let bytes = match (form, with_crlf(&message)) {
            // Binary content is kept to the byte.
            (AppendForm::Literal8, _) | (_, Cow::Borrowed(_)) => message,
            (_, Cow::Owned(changed)) => Bytes::from(changed),
        };
        let parsed = Arc::new(Parsed::parse(&bytes));
        Raw { bytes, parsed }
    };
    if !is_large {
        return Ok(parse());
    }
    let parsed = tokio::task::spawn_blocking(parse).await;
    parsed.map_err(|error| Failure::Store(store::Error::Bug(format!("parsing a message: {error}"))))
}

/// RFC 5322 §2.1: lines end in CRLF, which some clients forget.
fn with_crlf(message: &[u8]) -> Cow<'_, [u8]> {
    let is_bare = |&at: &usize| at.checked_sub(1).and_then(|i| message.get(i)) != Some(&b'\r');
    let mut bare = memchr::memchr_iter(b'\n', message).filter(is_bare).peekable();
    if bare.peek().is_none() {
        return Cow::Borrowed(message);
    }
    let mut changed = Vec::with_capacity(message.len() + message.len() / 32);
    let mut done = 0;
    for at in bare {
        changed.extend_from_slice(message.get(done..at).unwrap_or_default());
        changed.push(b'\r');
        done = at;
    }
    changed.extend_from_slice(message.get(done..).unwrap_or_default());
    Cow::Owned(changed)
}

/// A message up to this is parsed in less time than a thread takes to be found for it.
const PARSE_HERE_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests;
