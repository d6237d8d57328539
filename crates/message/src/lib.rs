//! One parse of an Internet message into what IMAP and JMAP ask of it.
//!
//! [`Parsed::parse`] reads a raw message (RFC 5322, RFC 2045 to 2049, RFC 2183, RFC 2231, RFC 6532) once, at delivery. What comes
//! out is stored in three columns, each encoded by itself, so that FETCH never parses again:
//! - [`Envelope`], read back as [`EnvelopeRef`] without allocating: RFC 9051 ENVELOPE;
//! - [`Structure`]: BODYSTRUCTURE, sections, header fields and body lists as offsets into the raw message
//!   (RFC 9051 §6.4.5.1, RFC 8621 §4.1.4); [`content`] and [`text`] decode a part;
//! - [`Summary`]: preview (RFC 8970), date, identifiers and base subject for threads (RFC 5256 §2.1).
//!
//! Pure: no I/O, no clock, no IMAP syntax, no JSON. Does not change a message, does not sanitise HTML, does not verify
//! signatures.
//!
//! # Invariants
//! - Parsing never fails and never panics: broken MIME becomes the nearest sane structure (see `tree.rs` for how).
//! - Every range lies inside the raw message, a part's inside its parent's body; header and body share no byte.
//! - No string of an envelope or a structure holds CR, LF or NUL.
//! - Time and memory are linear in the size of the message. The limits are public constants, each with its effect.
//! - `decode(encode(x)) == x` for all three; `decode` of anything else is an error, never a panic.
//!
//! # Example
//! ```
//! use message::{Content, EnvelopeRef, Parsed, Section, Structure, text};
//!
//! let raw = b"From: Zo\xc3\xab <zoe@example.org>\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\
//!     Content-Type: multipart/mixed; boundary=b\r\n\r\n\
//!     --b\r\n\r\nHello there\r\n--b\r\nContent-Type: image/png\r\n\r\n...\r\n--b--\r\n";
//! let parsed = Parsed::parse(raw);
//! assert_eq!(parsed.summary.preview, "Hello there");
//!
//! // FETCH ENVELOPE, from the stored column.
//! let stored = parsed.envelope.encode();
//! let envelope = EnvelopeRef::decode(&stored)?;
//! assert_eq!(envelope.subject, Some(&b"=?utf-8?q?caf=C3=A9?="[..]));
//! let from = envelope.from.iter().next().unwrap();
//! assert_eq!((from.mailbox, from.host), (Some(&b"zoe"[..]), Some(&b"example.org"[..])));
//!
//! // FETCH BODY[1] and BODY[HEADER.FIELDS (..)], as ranges of the raw message.
//! let structure = Structure::decode(&parsed.structure.encode())?;
//! let ranges = structure.section(raw, &[1], Section::Whole).unwrap();
//! assert_eq!(&raw[ranges[0].clone()], b"Hello there");
//!
//! // BODYSTRUCTURE: walk from the root. A message part hands out its envelope and the root inside it.
//! for child in structure.root().children() {
//!     match child.content() {
//!         Content::Leaf => assert!(child.part.octets() > 0),
//!         Content::Multipart | Content::Message(..) => unreachable!(),
//!     }
//! }
//! assert_eq!(text(structure.part_at(&[1]).unwrap().part, raw).text, "Hello there");
//! # Ok::<(), message::DecodeError>(())
//! ```

mod address;
mod body_list;
mod charset;
mod codec;
mod content;
mod date;
mod encoded_word;
mod envelope;
mod header;
mod html;
mod message_id;
mod mime_field;
mod preview;
mod search;
mod structure;
mod subject;
mod summary;
mod transfer;
mod tree;

pub use address::{ADDRESSES_MAX, Address};
pub use body_list::BodyLists;
pub use charset::{Text, to_utf8};
pub use codec::DecodeError;
pub use content::{UnknownTransferEncoding, content, plain_text, text, text_start};
pub use date::{SentDate, parse_date};
pub use encoded_word::decode as decode_encoded_words;
pub use envelope::{AddressListRef, AddressRef, Envelope, EnvelopeRef};
pub use header::{
    FIELD_NAME_BYTES_MAX, HEADER_FIELDS_MAX, HEADER_VALUE_BYTES_MAX, HeaderField, fields as header_fields,
    header_value, unfold,
};
pub use message_id::{MESSAGE_ID_BYTES_MAX, MESSAGE_IDS_MAX, message_ids};
pub use mime_field::{PARAMETERS_MAX, Parameter, decoded as decoded_parameter};
pub use preview::PREVIEW_CHARS_MAX;
pub use search::{address_text, fold, texts};
pub use structure::section::{Header, HeaderSelection, Section};
pub use structure::{Content, Disposition, Node, Part, Structure};
pub use subject::{BASE_SUBJECT_BYTES_MAX, BaseSubject, base_subject};
pub use summary::Summary;
pub use transfer::{Decoded, Decoder, TransferEncoding};
pub use tree::{BOUNDARY_BYTES_MAX, DEPTH_MAX, LANGUAGES_MAX, PARTS_MAX};

/// All that one parse of a message finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What IMAP's ENVELOPE shows.
    pub envelope: Envelope,
    /// The MIME tree and where its parts stand.
    pub structure: Structure,
    /// What lists and threads need.
    pub summary: Summary,
}

impl Parsed {
    /// Parses a raw message of any shape. Offsets count from the start of `raw`; what is beyond
    /// [`MESSAGE_BYTES_MAX`] is not looked at.
    pub fn parse(raw: &[u8]) -> Parsed {
        let raw = raw.get(..MESSAGE_BYTES_MAX).unwrap_or(raw);
        let structure = tree::parse(raw);
        let envelope = Envelope::from_fields(structure.fields(), raw);
        let summary = Summary::new(&envelope, &structure, raw);
        Parsed { envelope, structure, summary }
    }
}

/// Bytes of a message that can be parsed: offsets are stored in 32 bits. Delivery allows far less.
pub const MESSAGE_BYTES_MAX: usize = u32::MAX as usize;
