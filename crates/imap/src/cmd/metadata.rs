//! GETMETADATA and SETMETADATA (RFC 5464 §4), the METADATA responses of LIST (RFC 9590), and those that nobody asked for.
//!
//! Annotations of the server as a whole: `/private/..` are the account's own; nobody may set `/shared/..`, since all
//! accounts would see it.

use store::{
    ANNOTATION_BYTES_MAX, Access, Annotation, EntryName, EntryScope, Mailbox, MailboxId, MailboxName,
};

use crate::cmd::place::Place;
use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::metadata::{Depth, GetMetadata, MetadataContent, MetadataLine, SetMetadata};
use crate::wire::response::Response;
use crate::wire::status::{Code, MetadataCode, Status};

/// GETMETADATA.
pub(crate) async fn get(context: &mut Context<'_>, get: GetMetadata) -> Result<Done, Failure> {
    check_asked(&get.entries)?;
    let (access, mailbox) = mailbox_of(context, &get.mailbox).await?;
    let annotations = context.store().annotations(&access, mailbox).await?;
    let told = select(&get, &annotations);
    if !told.values.is_empty() {
        let content = MetadataContent::Values(&told.values);
        context.untagged(&Response::Metadata(MetadataLine { mailbox: &get.mailbox, content }));
    }
    let status = Status::ok("GETMETADATA done");
    Ok(Done::Status(match told.longest {
        Some(size) => status.with(Code::Metadata(MetadataCode::LongEntries(size as u64))),
        None => status,
    }))
}

/// What is told of annotations.
struct Told<'a> {
    values: Vec<(String, Option<&'a [u8]>)>,
    /// The longest of the values that MAXSIZE leaves out.
    longest: Option<usize>,
}

/// An entry that is asked for by its own name and is not there is told as NIL: RFC 5464 §5 has no METADATA response
/// without an entry.
fn select<'a>(get: &GetMetadata, annotations: &'a [Annotation]) -> Told<'a> {
    let mut told = Told { values: Vec::new(), longest: None };
    let named: Vec<(String, &[u8])> =
        annotations.iter().map(|one| (one.name.to_string(), one.value.as_slice())).collect();
    for asked in &get.entries {
        let is_told = |told: &Told<'_>, name: &str| told.values.iter().any(|(known, _)| known == name);
        for (name, value) in named.iter().filter(|(name, _)| get.depth.reaches(asked, name)) {
            // RFC 5464 §4.2.1
            if get.max_size.is_some_and(|max| value.len() as u64 > u64::from(max)) {
                told.longest = told.longest.max(Some(value.len()));
            } else if !is_told(&told, name) {
                told.values.push((name.clone(), Some(*value)));
            }
        }
        let is_there = named.iter().any(|(name, _)| name == asked);
        if get.depth == Depth::Zero && !is_there && !is_told(&told, asked) {
            told.values.push((asked.clone(), None));
        }
    }
    told
}

/// BAD for names that no entry can have; what they begin with may be asked for, for what is below it.
pub(crate) fn check_asked(entries: &[String]) -> Result<(), Failure> {
    let named = entries.iter().filter(|entry| !matches!(entry.as_str(), "/private" | "/shared"));
    named.map(|entry| named_by_client(entry)).try_for_each(|entry| entry.map(drop))
}

/// RFC 5464 §3.2: a name that no entry can have is a mistake of the client's.
fn named_by_client(entry: &str) -> Result<EntryName, Failure> {
    EntryName::new(entry).map_err(|error| Failure::bad(error.to_string()))
}

/// SETMETADATA.
pub(crate) async fn set(context: &mut Context<'_>, set: SetMetadata) -> Result<Done, Failure> {
    let (access, mailbox) = mailbox_of(context, &set.mailbox).await?;
    let mut values = Vec::with_capacity(set.values.len());
    for (name, value) in set.values {
        let name = settable(&name, mailbox)?;
        // RFC 5464 §4.3
        if value.as_ref().is_some_and(|value| value.len() > ANNOTATION_BYTES_MAX) {
            let code = Code::Metadata(MetadataCode::MaxSize(ANNOTATION_BYTES_MAX as u64));
            return Err(Failure::refused(code, "the value is too long"));
        }
        values.push((name, value.map(Vec::from)));
    }
    let set = context.store().set_annotations(&access, mailbox, values).await;
    match set {
        Err(error @ store::Error::Limit(_)) => {
            Err(Failure::refused(Code::Metadata(MetadataCode::TooMany), error.to_string()))
        }
        set => {
            let _changes = set?;
            done("SETMETADATA")
        }
    }
}

/// An entry that a client may set.
fn settable(name: &str, mailbox: Option<MailboxId>) -> Result<EntryName, Failure> {
    let entry = named_by_client(name)?;
    if entry.scope() == EntryScope::Shared && mailbox.is_none() {
        return Err(Failure::refused(Code::NoPerm, "what all accounts see is the operator's"));
    }
    let components: Vec<&str> = name.split('/').skip(2).collect();
    match components.as_slice() {
        // RFC 5464 §3.2
        ["vendor"] | ["vendor", _] => {
            Err(Failure::refused(Code::Cannot, "an entry of a vendor has four components at least"))
        }
        // RFC 6154 §4 (not done: a use is given when the mailbox is made).
        ["specialuse"] => Err(Failure::refused(Code::Cannot, "a use can't be changed here")),
        _ => Ok(entry),
    }
}

/// One METADATA response for a mailbox that LIST has shown, by the way to it and the name that the client knows
/// (RFC 9590 §3).
pub(crate) async fn tell(
    context: &mut Context<'_>,
    (access, name): (&Access, &str),
    mailbox: &Mailbox,
    entries: &[String],
) -> Result<(), Failure> {
    let annotations = match context.store().annotations(access, Some(mailbox.id)).await {
        // What may not be read is not told, and LIST goes on.
        Err(store::Error::NotFound(_) | store::Error::Forbidden(_)) => return Ok(()),
        annotations => annotations?,
    };
    let get =
        GetMetadata { mailbox: String::new(), max_size: None, depth: Depth::Zero, entries: entries.to_vec() };
    let told = select(&get, &annotations);
    let content = MetadataContent::Values(&told.values);
    context.untagged(&Response::Metadata(MetadataLine { mailbox: name, content }));
    Ok(())
}

/// Tells what others have changed, if the client has ENABLEd that (RFC 5464 §4.4).
pub(crate) async fn tell_changes(context: &mut Context<'_>) -> Result<(), Failure> {
    let Some(since) = context.session.enabled.metadata else { return Ok(()) };
    let changes = context.store().annotation_changes(context.session.access()?, since).await?;
    context.session.enabled.metadata = Some(changes.modseq);
    tell_changed(context, &changes.changed).await
}

/// Names entries that have changed, by mailbox; `None` is the server.
pub(crate) async fn tell_changed(
    context: &mut Context<'_>,
    changed: &[(Option<MailboxName>, EntryName)],
) -> Result<(), Failure> {
    for group in changed.chunk_by(|(a, _), (b, _)| a == b) {
        let mailbox = group.first().and_then(|(mailbox, _)| mailbox.as_ref());
        let entries: Vec<String> = group.iter().map(|(_, entry)| entry.to_string()).collect();
        let content = MetadataContent::Changed(&entries);
        let mailbox = mailbox.map_or("", MailboxName::as_str);
        context.untagged(&Response::Metadata(MetadataLine { mailbox, content }));
        context.link.drain().await?;
    }
    Ok(())
}

/// Which mailbox; `None` for the empty name, which is the server (RFC 5464 §4.1).
async fn mailbox_of(context: &Context<'_>, mailbox: &str) -> Result<(Access, Option<MailboxId>), Failure> {
    if mailbox.is_empty() {
        return Ok((context.session.access()?.clone(), None));
    }
    let Place { access, name, .. } = Place::of(context, mailbox).await?;
    let id = context.store().mailbox_named(&access, &name).await?.id;
    Ok((access, Some(id)))
}
