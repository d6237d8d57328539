//! The texts of a message as searches compare them (RFC 9051 §6.4.4): decoded, and without regard to case.
//!
//! An index over [`texts`] holds at least what a search of any one of them could find: every field as `Name: value`, every
//! address of the envelope as it stands in a field, and every text part.

use crate::content::text;
use crate::encoded_word;
use crate::envelope::{AddressRef, EnvelopeRef};
use crate::header::unfold;
use crate::structure::Structure;

/// Text without regard to case. Character by character, so that what is part of a text is part of what it folds to.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // The only letter with two small forms.
            'ς' => folded.push('σ'),
            _ => folded.extend(character.to_lowercase()),
        }
    }
    folded
}

/// Hands over the texts of a message, not folded.
pub fn texts(envelope: &EnvelopeRef<'_>, structure: &Structure, raw: &[u8], mut take: impl FnMut(&str)) {
    for field in structure.fields() {
        let value = encoded_word::decode(&unfold(field.value(raw)));
        take(&format!("{}: {value}", String::from_utf8_lossy(field.name(raw))));
    }
    if let Some(subject) = envelope.subject {
        take(&encoded_word::decode(subject));
    }
    for list in [&envelope.from, &envelope.to, &envelope.cc, &envelope.bcc] {
        list.iter().for_each(|address| take(&address_text(&address)));
    }
    for node in structure.nodes().filter(|node| node.part.is_media_type("text")) {
        take(&text(node.part, raw).text);
    }
}

/// An address as it stands in a field, so that `Ann <ann@example.org>` is found as it is written.
pub fn address_text(address: &AddressRef<'_>) -> String {
    let part = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let name = address.decoded_name().unwrap_or_default();
    format!("{name} <{}@{}>", part(address.mailbox), part(address.host))
}

#[cfg(test)]
mod tests;
