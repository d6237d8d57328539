//! ENVELOPE (RFC 9051 §7.5.2), written straight from the stored envelope.

use bytes::BytesMut;
use message::{AddressListRef, EnvelopeRef};

use crate::wire::encode::{Quoting, nstring};

// envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
//            env-bcc SP env-in-reply-to SP env-message-id ")"
/// Writes an envelope. Encoded words stay as they are; bytes above 127 make a literal unless the client takes
/// UTF-8 in quotes.
pub fn push_envelope(out: &mut BytesMut, envelope: &EnvelopeRef<'_>, quoting: Quoting) {
    out.extend_from_slice(b"(");
    nstring(out, envelope.date, quoting);
    out.extend_from_slice(b" ");
    nstring(out, envelope.subject, quoting);
    let lists =
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
    for list in lists {
        out.extend_from_slice(b" ");
        push_addresses(out, list, quoting);
    }
    for value in [envelope.in_reply_to, envelope.message_id] {
        out.extend_from_slice(b" ");
        nstring(out, value, quoting);
    }
    out.extend_from_slice(b")");
}

// env-from = "(" 1*address ")" / nil
// address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
fn push_addresses(out: &mut BytesMut, list: &AddressListRef<'_>, quoting: Quoting) {
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.extend_from_slice(b"(");
    for address in list.iter() {
        out.extend_from_slice(b"(");
        nstring(out, address.name, quoting);
        // addr-adl: source routes have been obsolete since RFC 2822.
        out.extend_from_slice(b" NIL ");
        nstring(out, address.mailbox, quoting);
        out.extend_from_slice(b" ");
        nstring(out, address.host, quoting);
        out.extend_from_slice(b")");
    }
    out.extend_from_slice(b")");
}

#[cfg(test)]
mod tests;
