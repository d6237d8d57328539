//! Each response of a push, in every form that it has. Pure.

use bytes::{Bytes, BytesMut};
use message::EnvelopeRef;
use store::{Entry, Flags, Keywords, MailboxChange, MailboxName, Uid};

use crate::push::special_use_name;
use crate::push::text::MessageText;
use crate::wire::encode::envelope::push_envelope;
use crate::wire::encode::fetch_line::{FetchForm, FetchLine};
use crate::wire::encode::{self, Quoting};
use crate::wire::fetch::PartPath;
use crate::wire::mailbox::Names;
use crate::wire::response::{ListLine, ObjectId, ObjectKind, Response};
use crate::wire::set::NumberSet;

/// What the capabilities that were ENABLEd when the subscription was made mean for its pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) names: Names,
    pub(super) modseq: bool,
    pub(super) email_id: bool,
    pub(super) preview: bool,
    /// The number of the owner whose mailboxes are told of, unless it is the user.
    pub(super) owner: Option<u64>,
}

impl Style {
    /// Of names in upper case.
    pub(super) fn of(enabled: &[String]) -> Self {
        let has = |names: &[&str]| enabled.iter().any(|name| names.contains(&name.as_str()));
        Self {
            names: if has(&["IMAP4REV2", "UTF8=ACCEPT"]) { Names::Utf8 } else { Names::ModifiedUtf7 },
            modseq: has(&["CONDSTORE", "QRESYNC"]),
            email_id: has(&["OBJECTID"]),
            preview: has(&["PREVIEW"]),
            owner: None,
        }
    }

    fn quoting(self) -> Quoting {
        Quoting::from(self.names)
    }
}

/// Any response of one form.
pub(super) fn response(response: &Response<'_>, names: Names) -> Bytes {
    let mut out = BytesMut::new();
    response.encode(&mut out, names);
    out.freeze()
}

/// `* SELECT mailbox`
pub(super) fn select(mailbox: &MailboxName, style: Style) -> Bytes {
    response(&Response::Select(mailbox.as_str()), style.names)
}

/// `* FLAGS (..)`
pub(super) fn flags(keywords: &Keywords, style: Style) -> Bytes {
    let system = SYSTEM_FLAGS.iter().map(|&(_, name)| name.to_owned());
    let all: Vec<String> = system.chain(keywords.iter().map(str::to_owned)).collect();
    response(&Response::Flags(&all), style.names)
}

/// `* VANISHED uids`, of ascending UIDs.
pub(super) fn vanished(uids: &[Uid], style: Style) -> Bytes {
    let uids = NumberSet::from_sorted(uids.iter().map(|uid| uid.0));
    response(&Response::Vanished(&uids), style.names)
}

/// `* LIST ..` of a mailbox that was made, renamed, deleted or (un)subscribed.
pub(super) fn list(change: &MailboxChange, has_children: bool, style: Style) -> Bytes {
    let mut attributes = Vec::new();
    match &change.now {
        // RFC 9051 §7.3.1
        None => attributes.push(r"\NonExistent"),
        Some(mailbox) => {
            attributes.push(if has_children { r"\HasChildren" } else { r"\HasNoChildren" });
            if mailbox.subscribed {
                attributes.push(r"\Subscribed");
            }
            attributes.extend(mailbox.special_use.map(special_use_name));
        }
    }
    let old_name = change.old_name.as_ref().filter(|_| change.now.is_some()).map(MailboxName::as_str);
    let line = ListLine { attributes: &attributes, name: change.name.as_str(), child_info: &[], old_name };
    response(&Response::List(line), style.names)
}

/// `* n UIDFETCH (UID n FLAGS (..))`: a new message in its shortest form.
pub(super) fn arrival(entry: &Entry, flags: &[String], style: Style) -> Bytes {
    let mut out = BytesMut::new();
    let mut line = FetchLine::new(&mut out, entry.uid.0, FetchForm::UidFetch);
    line.uid(entry.uid.0);
    attributes(&mut line, entry, flags, style);
    line.finish();
    out.freeze()
}

/// `* n UIDFETCH (FLAGS (..))`: a message whose flags changed.
pub(super) fn altered(entry: &Entry, flags: &[String], style: Style) -> Bytes {
    let mut out = BytesMut::new();
    let mut line = FetchLine::new(&mut out, entry.uid.0, FetchForm::UidFetch);
    line.flags(flags.iter().map(String::as_str));
    if style.modseq {
        line.modseq(entry.modseq.0);
    }
    line.finish();
    out.freeze()
}

/// `* n UIDFETCH (FLAGS (..) ENVELOPE (..)`: a new message with its envelope and perhaps its preview, left open for a text.
/// [`close`] ends it.
pub(super) fn enveloped(
    entry: &Entry,
    flags: &[String],
    shown: (&EnvelopeRef<'_>, Option<&str>),
    style: Style,
) -> BytesMut {
    let (envelope, preview) = shown;
    let mut out = BytesMut::new();
    let mut line = FetchLine::new(&mut out, entry.uid.0, FetchForm::UidFetch);
    attributes(&mut line, entry, flags, style);
    push_envelope(line.item(b"ENVELOPE "), envelope, style.quoting());
    if let Some(preview) = preview {
        // RFC 8970 §3.2: a string in UTF-8 whatever was enabled, hence a literal where it is not ASCII.
        encode::string(line.item(b"PREVIEW "), preview.as_bytes(), style.quoting());
    }
    line.finish();
    out.truncate(out.len().saturating_sub(END.len()));
    out
}

/// The bytes that a text of this length adds to a line, but for the text itself.
pub(super) fn text_overhead(text: &MessageText, length: usize, is_whole: bool) -> usize {
    let mut out = BytesMut::new();
    push_text_head(&mut out, text, length, is_whole);
    out.len()
}

/// Adds ` BINARY[part] {n}` and the first `length` bytes of the text; `BINARY[part]<0>` if that is not all of it.
pub(super) fn push_text(out: &mut BytesMut, text: &MessageText, length: usize) {
    let is_whole = text.is_whole && length == text.text.len();
    let start = text.text.get(..length).unwrap_or_default();
    push_text_head(out, text, start.len(), is_whole);
    out.extend_from_slice(start.as_bytes());
}

/// Ends a line that was left open.
pub(super) fn close(out: &mut BytesMut) {
    out.extend_from_slice(END);
}

/// The names of flags, system flags first.
pub(super) fn flag_names(flags: Flags, keywords: &Keywords) -> Vec<String> {
    let system = SYSTEM_FLAGS.iter().filter(|&&(flag, _)| flags.contains(flag));
    system.map(|&(_, name)| name.to_owned()).chain(keywords.of(flags).map(str::to_owned)).collect()
}

fn attributes(line: &mut FetchLine<'_>, entry: &Entry, flags: &[String], style: Style) {
    line.flags(flags.iter().map(String::as_str));
    if style.modseq {
        line.modseq(entry.modseq.0);
    }
    if style.email_id {
        let (kind, number) = (ObjectKind::Email, entry.message.0);
        line.object_id(ObjectId { kind, number, owner: style.owner });
    }
}

// msg-att-static =/ "BINARY" section-binary SP (nstring / literal8)
fn push_text_head(out: &mut BytesMut, text: &MessageText, length: usize, is_whole: bool) {
    out.extend_from_slice(b" BINARY[");
    PartPath(text.part.clone()).encode(out);
    out.extend_from_slice(if is_whole { b"] ".as_slice() } else { b"]<0> " });
    encode::literal_head(out, length);
}

/// RFC 9051 §2.3.2
const SYSTEM_FLAGS: [(Flags, &str); 5] = [
    (Flags::ANSWERED, r"\Answered"),
    (Flags::FLAGGED, r"\Flagged"),
    (Flags::DELETED, r"\Deleted"),
    (Flags::SEEN, r"\Seen"),
    (Flags::DRAFT, r"\Draft"),
];

const END: &[u8] = b")\r\n";

/// The push that says only that there is something.
pub(super) const GENERIC_SYNC: &[u8] = b"* SYNC\r\n";
