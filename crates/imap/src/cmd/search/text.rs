//! Substrings in headers and bodies, without regard to case (RFC 9051 §6.4.4, RFC 5255 §4 in spirit).
//!
//! Text is compared as people read it: encoded words, transfer encodings and charsets undone.

use message::{AddressListRef, EnvelopeRef, Structure, address_text, decode_encoded_words, fold, unfold};
use store::{Access, MessageId, Store, TextCandidates};

use crate::wire::search::EnvelopeField;

/// What is looked for.
pub(super) struct Needle {
    folded: String,
    /// What the search index says of it.
    candidates: Option<TextCandidates>,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        Self { folded: fold(text), candidates: None }
    }

    /// Asks the search index, which knows nothing of texts that are very short.
    pub(super) async fn look_up(&mut self, store: &Store, access: &Access) {
        self.candidates = store.text_candidates(access, &self.folded).await;
    }

    /// Whether a message does not hold it for sure, neither in its header nor in its body.
    pub(super) fn rules_out(&self, message: MessageId) -> bool {
        self.candidates.as_ref().is_some_and(|candidates| candidates.rules_out(message))
    }

    /// Whether `text` holds it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.folded.is_empty()
            || memchr::memmem::find(fold(text).as_bytes(), self.folded.as_bytes()).is_some()
    }
}

/// Whether an address field or the subject holds it.
pub(super) fn field_holds(envelope: &EnvelopeRef<'_>, field: EnvelopeField, needle: &Needle) -> bool {
    match field {
        EnvelopeField::Subject => {
            envelope.subject.is_some_and(|subject| needle.is_in(&decode_encoded_words(subject)))
        }
        EnvelopeField::From => addresses_hold(&envelope.from, needle),
        EnvelopeField::To => addresses_hold(&envelope.to, needle),
        EnvelopeField::Cc => addresses_hold(&envelope.cc, needle),
        EnvelopeField::Bcc => addresses_hold(&envelope.bcc, needle),
    }
}

fn addresses_hold(list: &AddressListRef<'_>, needle: &Needle) -> bool {
    list.iter().any(|address| needle.is_in(&address_text(&address)))
}

/// Whether a field of the message's header holds it: one of this name, or any.
pub(super) fn header_holds(structure: &Structure, raw: &[u8], name: Option<&str>, needle: &Needle) -> bool {
    let mut fields = structure.fields().iter();
    fields.any(|field| {
        let own_name = field.name(raw);
        if let Some(name) = name {
            return own_name.eq_ignore_ascii_case(name.as_bytes())
                && needle.is_in(&decode_encoded_words(&unfold(field.value(raw))));
        }
        let value = decode_encoded_words(&unfold(field.value(raw)));
        needle.is_in(&format!("{}: {value}", String::from_utf8_lossy(own_name)))
    })
}

/// Whether a text part holds it.
pub(super) fn body_holds(structure: &Structure, raw: &[u8], needle: &Needle) -> bool {
    structure
        .nodes()
        .any(|node| node.part.is_media_type("text") && needle.is_in(&message::text(node.part, raw).text))
}

#[cfg(test)]
mod tests;
