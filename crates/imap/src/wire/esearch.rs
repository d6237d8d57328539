//! The ESEARCH response (RFC 4731 §3.1, RFC 7162 §3.1.10, RFC 9394 §4, RFC 7377 §2.1, RFC 5267 §4.3).

use bytes::BytesMut;

use crate::wire::command::Tag;
use crate::wire::encode::{self, Quoting, number};
use crate::wire::mailbox::Names;
use crate::wire::partial::PartialRange;
use crate::wire::set::push_ranges;

/// Numbers as inclusive ranges, each rising, in an order that means something.
pub type Ranges = Vec<(u32, u32)>;

/// One ESEARCH response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ESearchLine<'a> {
    /// The tag of the command that searches.
    pub tag: &'a Tag,
    /// RFC 7377 §2.1: in which mailbox; `None` for the selected one.
    pub mailbox: Option<SearchedMailbox<'a>>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// What is told, in this order.
    pub items: &'a [ESearchItem],
}

/// A mailbox that was searched without being selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchedMailbox<'a> {
    /// Its name in UTF-8.
    pub name: &'a str,
    /// Its UIDVALIDITY.
    pub uid_validity: u32,
}

/// One of the things that ESEARCH tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ESearchItem {
    /// The lowest number, or what comes first in the order.
    Min(u32),
    /// The highest number, or what comes last in the order.
    Max(u32),
    /// How many.
    Count(u32),
    /// The highest MODSEQ.
    ModSeq(u64),
    /// All of them; left out if there are none.
    All(Ranges),
    /// A page; NIL if there is none.
    Partial(PartialRange, Ranges),
    /// RFC 5267 §4.3.3: what has come into a result that is kept up to date. At least one.
    AddTo(Vec<Placed>),
    /// RFC 5267 §4.3.4: what has left it. At least one.
    RemoveFrom(Vec<Placed>),
}

/// Numbers that came to a place in a result, or left it from there on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// RFC 5267 §4.3.2, `context-position`: counted from 1; 0 for wherever the order of the mailbox puts each.
    pub position: u32,
    /// The numbers, in the order of the result. At least one.
    pub numbers: Ranges,
}

impl ESearchLine<'_> {
    // esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
    // search-correlator = SP "(" one-correlator *(SP one-correlator) ")"
    /// Writes it without `* ` and line end.
    pub fn encode(&self, out: &mut BytesMut, names: Names) {
        out.extend_from_slice(b"ESEARCH (TAG ");
        encode::string(out, self.tag.as_bytes(), Quoting::Ascii);
        if let Some(mailbox) = self.mailbox {
            out.extend_from_slice(b" MAILBOX ");
            encode::mailbox(out, mailbox.name, names);
            out.extend_from_slice(b" UIDVALIDITY ");
            number(out, u64::from(mailbox.uid_validity));
        }
        out.extend_from_slice(if self.uid { b") UID" } else { b")" });
        self.items.iter().for_each(|item| item.encode(out));
    }
}

impl ESearchItem {
    fn encode(&self, out: &mut BytesMut) {
        let with_number = |out: &mut BytesMut, name: &[u8], value: u64| {
            out.extend_from_slice(name);
            number(out, value);
        };
        match self {
            Self::Min(value) => with_number(out, b" MIN ", u64::from(*value)),
            Self::Max(value) => with_number(out, b" MAX ", u64::from(*value)),
            Self::Count(value) => with_number(out, b" COUNT ", u64::from(*value)),
            Self::ModSeq(value) => with_number(out, b" MODSEQ ", *value),
            Self::All(ranges) if ranges.is_empty() => {}
            Self::All(ranges) => {
                out.extend_from_slice(b" ALL ");
                push_ranges(out, ranges);
            }
            // ret-data-partial = "PARTIAL" SP "(" partial-range SP partial-results ")"
            // partial-results = sequence-set / "NIL"
            Self::Partial(range, found) => {
                out.extend_from_slice(b" PARTIAL (");
                range.encode(out);
                out.extend_from_slice(b" ");
                if found.is_empty() {
                    out.extend_from_slice(b"NIL");
                } else {
                    push_ranges(out, found);
                }
                out.extend_from_slice(b")");
            }
            Self::AddTo(placed) => push_placed(out, b" ADDTO (", placed),
            Self::RemoveFrom(placed) => push_placed(out, b" REMOVEFROM (", placed),
        }
    }
}

// ret-data-addto = "ADDTO" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")"
fn push_placed(out: &mut BytesMut, name: &[u8], placed: &[Placed]) {
    assert!(!placed.is_empty(), "an empty change has no form on the wire");
    out.extend_from_slice(name);
    for (index, placed) in placed.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b" ");
        }
        number(out, u64::from(placed.position));
        out.extend_from_slice(b" ");
        push_ranges(out, &placed.numbers);
    }
    out.extend_from_slice(b")");
}
