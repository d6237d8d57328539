//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2), written from the stored MIME tree.

use bytes::BytesMut;
use message::{Content, Disposition, Node, Parameter, Part};

use crate::wire::encode::envelope::push_envelope;
use crate::wire::encode::{Quoting, nstring, number, string};

/// Which of the two items is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// `BODY`: without extension data.
    Body,
    /// `BODYSTRUCTURE`: with it.
    BodyStructure,
}

// body = "(" (body-type-1part / body-type-mpart) ")"
/// Writes the structure of a part. The tree's depth is bounded by the parser that made it.
pub fn push_body(out: &mut BytesMut, node: Node<'_>, form: BodyForm, quoting: Quoting) {
    let part = node.part;
    out.extend_from_slice(b"(");
    match node.content() {
        Content::Multipart => {
            // body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
            for child in node.children() {
                push_body(out, child, form, quoting);
            }
            out.extend_from_slice(b" ");
            string(out, &part.subtype, quoting);
            if form == BodyForm::BodyStructure {
                out.extend_from_slice(b" ");
                push_parameters(out, &part.parameters, quoting);
                push_extension(out, part, quoting);
            }
        }
        Content::Message(envelope, root) => {
            // body-type-msg = media-message SP body-fields SP envelope SP body SP body-fld-lines
            push_fields(out, part, (&part.media_type, &part.subtype), quoting);
            out.extend_from_slice(b" ");
            push_envelope(out, &envelope, quoting);
            out.extend_from_slice(b" ");
            push_body(out, root, form, quoting);
            push_lines(out, part);
            push_single_extension(out, part, form, quoting);
        }
        Content::Leaf => {
            push_fields(out, part, leaf_type(part), quoting);
            // body-type-text = media-text SP body-fields SP body-fld-lines
            if part.is_media_type("text") {
                push_lines(out, part);
            }
            push_single_extension(out, part, form, quoting);
        }
    }
    out.extend_from_slice(b")");
}

/// A multipart or a message that the parser could not look into has no form of its own in the grammar, so it
/// is shown as what it is to everyone: bytes.
fn leaf_type(part: &Part) -> (&[u8], &[u8]) {
    let is_message = part.is_type("message", "rfc822") || part.is_type("message", "global");
    if part.is_media_type("multipart") || is_message {
        (b"application", b"octet-stream")
    } else {
        (&part.media_type, &part.subtype)
    }
}

// body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
fn push_fields(out: &mut BytesMut, part: &Part, media_type: (&[u8], &[u8]), quoting: Quoting) {
    string(out, media_type.0, quoting);
    out.extend_from_slice(b" ");
    string(out, media_type.1, quoting);
    out.extend_from_slice(b" ");
    push_parameters(out, &part.parameters, quoting);
    for value in [part.id.as_deref(), part.description.as_deref(), Some(part.encoding.as_slice())] {
        out.extend_from_slice(b" ");
        nstring(out, value, quoting);
    }
    out.extend_from_slice(b" ");
    number(out, u64::from(part.octets()));
}

fn push_lines(out: &mut BytesMut, part: &Part) {
    out.extend_from_slice(b" ");
    number(out, u64::from(part.lines));
}

// body-ext-1part = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
fn push_single_extension(out: &mut BytesMut, part: &Part, form: BodyForm, quoting: Quoting) {
    if form == BodyForm::BodyStructure {
        out.extend_from_slice(b" ");
        nstring(out, part.md5.as_deref(), quoting);
        push_extension(out, part, quoting);
    }
}

// [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
fn push_extension(out: &mut BytesMut, part: &Part, quoting: Quoting) {
    out.extend_from_slice(b" ");
    match &part.disposition {
        None => out.extend_from_slice(b"NIL"),
        Some(Disposition { kind, parameters }) => {
            out.extend_from_slice(b"(");
            string(out, kind, quoting);
            out.extend_from_slice(b" ");
            push_parameters(out, parameters, quoting);
            out.extend_from_slice(b")");
        }
    }
    out.extend_from_slice(b" ");
    push_languages(out, &part.language, quoting);
    out.extend_from_slice(b" ");
    nstring(out, part.location.as_deref(), quoting);
}

// body-fld-lang = nstring / "(" string *(SP string) ")"
fn push_languages(out: &mut BytesMut, languages: &[Vec<u8>], quoting: Quoting) {
    match languages {
        [] => out.extend_from_slice(b"NIL"),
        [language] => string(out, language, quoting),
        languages => push_strings(out, languages.iter().map(Vec::as_slice), quoting),
    }
}

// body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
fn push_parameters(out: &mut BytesMut, parameters: &[Parameter], quoting: Quoting) {
    if parameters.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    push_strings(out, parameters.iter().flat_map(|p| [p.name.as_slice(), p.value.as_slice()]), quoting);
}

fn push_strings<'s>(out: &mut BytesMut, strings: impl Iterator<Item = &'s [u8]>, quoting: Quoting) {
    out.extend_from_slice(b"(");
    for (index, value) in strings.enumerate() {
        if index > 0 {
            out.extend_from_slice(b" ");
        }
        string(out, value, quoting);
    }
    out.extend_from_slice(b")");
}

#[cfg(test)]
mod tests;
