//! The reply while an account's owner is away: who gets one (RFC 3834 §2, RFC 5230 §4.6), and what it says.
//!
//! Once in a week to each sender; never to lists, machines, the null reverse-path or oneself, and only where the owner is named as a
//! recipient. The reply comes from the null reverse-path, so that nothing ever answers it.

use bytes::Bytes;
use mail_builder::MessageBuilder;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw as RawField;
use message::{Envelope, HeaderField, decode_encoded_words, unfold};
use store::{Raw, UnixTime, Vacation};

/// Which of the account's own addresses a message was sent to, if it is replied to; else why it is not, in a word of a fixed set.
pub(crate) fn judge<'o>(raw: &Raw, sender: &str, own: &'o [String]) -> Result<&'o str, &'static str> {
    if own.iter().any(|own| own.eq_ignore_ascii_case(sender)) {
        return Err("own");
    }
    if is_machine(sender) {
        return Err("machine");
    }
    let (fields, bytes) = (raw.parsed.structure.fields(), &raw.bytes);
    for field in fields {
        let name = String::from_utf8_lossy(field.name(bytes)).to_ascii_lowercase();
        let value = String::from_utf8_lossy(&unfold(field.value(bytes))).to_ascii_lowercase();
        let word = value.split(|char: char| char == ';' || char.is_whitespace()).next().unwrap_or_default();
        match name.as_str() {
            // RFC 3834 §5
            "auto-submitted" if word != "no" => return Err("automatic"),
            "precedence" if ["bulk", "list", "junk"].contains(&word) => return Err("bulk"),
            // What Exchange has its own replies say.
            "x-auto-response-suppress" if SUPPRESSED.iter().any(|kind| value.contains(kind)) => {
                return Err("automatic");
            }
            "x-loop" | "feedback-id" => return Err("automatic"),
            // RFC 2369, RFC 2919
            name if name.starts_with("list-") => return Err("list"),
            _ => {}
        }
    }
    let root = raw.parsed.structure.root();
    if root.part.is_type("multipart", "report") {
        return Err("automatic");
    }
    // RFC 5230 §4.5
    own.iter().find(|own| is_named(fields, bytes, own)).map(String::as_str).ok_or("not_named")
}

/// RFC 5230 §4.6: addresses behind which nobody reads.
fn is_machine(sender: &str) -> bool {
    let local = sender.rsplit_once('@').map_or(sender, |(local, _)| local).to_ascii_lowercase();
    MACHINES.contains(&local.as_str())
        || local.starts_with("owner-")
        || ["-owner", "-request", "-bounces", "-errors"].iter().any(|end| local.ends_with(end))
        || ["bounce+", "bounces+", "bounce-", "bounces-", "prvs=", "srs0=", "srs1="]
            .iter()
            .any(|begin| local.starts_with(begin))
        || local.replace(['-', '_', '.'], "").starts_with("noreply")
        || local.replace(['-', '_', '.'], "").starts_with("donotreply")
}

fn is_named(fields: &[HeaderField], bytes: &[u8], own: &str) -> bool {
    let is_reader = |field: &&HeaderField| {
        READERS.iter().any(|name| field.name(bytes).eq_ignore_ascii_case(name.as_bytes()))
    };
    fields.iter().filter(is_reader).any(|field| {
        let line = [b"To:", field.value(bytes), b"\r\n"].concat();
        let list = Envelope::from_fields(&message::header_fields(&line), &line).to;
        list.iter().any(|address| {
            let part = |part: &Option<Vec<u8>>| {
                String::from_utf8_lossy(part.as_deref().unwrap_or_default()).into_owned()
            };
            format!("{}@{}", part(&address.mailbox), part(&address.host)).eq_ignore_ascii_case(own)
        })
    })
}

/// What a reply is written from.
pub(crate) struct Letter<'l> {
    /// The message that it replies to.
    pub(crate) raw: &'l Raw,
    /// The owner's address.
    pub(crate) from: &'l str,
    /// Who gets it.
    pub(crate) to: &'l str,
    /// Its Message-ID, without brackets.
    pub(crate) id: String,
    /// When it is written.
    pub(crate) now: UnixTime,
}

/// Writes a reply.
pub(crate) fn compose(vacation: &Vacation, letter: &Letter<'_>) -> Bytes {
    let summary = &letter.raw.parsed.summary;
    let mut builder = MessageBuilder::new()
        .from(letter.from)
        .to(letter.to)
        .subject(subject(vacation, letter.raw))
        .date(letter.now.0)
        .message_id(letter.id.clone())
        // RFC 3834 §5.1
        .header("Auto-Submitted", RawField::new("auto-replied"));
    if let Some(id) = &summary.message_id {
        // RFC 5322 §3.6.4
        let before = if summary.references.is_empty() { &summary.in_reply_to } else { &summary.references };
        let skipped = before.len().saturating_sub(REFERENCES_MAX);
        let references = before.iter().skip(skipped).chain([id]).cloned();
        builder = builder.in_reply_to(id.clone()).references(MessageId::new_list(references));
    }
    builder = match (&vacation.text_body, &vacation.html_body) {
        (None, None) => builder.text_body(TEXT_DEFAULT),
        (Some(text), None) => builder.text_body(text.as_str()),
        (None, Some(html)) => builder.html_body(html.as_str()),
        (Some(text), Some(html)) => builder.text_body(text.as_str()).html_body(html.as_str()),
    };
    // Writing into memory does not fail.
    Bytes::from(builder.write_to_vec().unwrap_or_default())
}

/// RFC 5230 §4.4: "Auto: " and the message's own subject, unless one is set.
fn subject(vacation: &Vacation, raw: &Raw) -> String {
    if let Some(subject) = &vacation.subject {
        return subject.clone();
    }
    let decoded = raw.parsed.envelope.subject.as_deref().map(decode_encoded_words).unwrap_or_default();
    let printable = decoded.chars().map(|char| if char.is_control() { ' ' } else { char });
    format!("Auto: {}", printable.take(SUBJECT_CHARS_MAX).collect::<String>())
}

/// Whoever has had a reply gets no other for a week (RFC 5230 §4.1).
pub(crate) const REPLY_SECONDS: i64 = 7 * 24 * 3600;
const TEXT_DEFAULT: &str = "I am away and may not read your message for some time.\r\n";
const MACHINES: [&str; 8] =
    ["mailer-daemon", "postmaster", "listserv", "majordomo", "daemon", "root", "nobody", "bounce"];
const READERS: [&str; 6] = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];
const SUPPRESSED: [&str; 3] = ["all", "oof", "autoreply"];
/// Of a longer subject the rest is left out.
const SUBJECT_CHARS_MAX: usize = 200;
/// Of more references the oldest are left out.
const REFERENCES_MAX: usize = 20;

#[cfg(test)]
mod tests;
