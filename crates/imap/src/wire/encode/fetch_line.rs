//! One FETCH response, item by item (RFC 9051 §7.5.2), or one UIDFETCH response (RFC 9586 §3.3).
//!
//! The writer allocates nothing: it keeps a place in the output and whether an item has been written.

use bytes::BytesMut;

use crate::wire::date::push_date_time;
use crate::wire::encode::number;
use crate::wire::flag::push_flag_list;
use crate::wire::response::{ObjectId, ObjectKind, push_object_id};

/// How the message of the response is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchForm {
    /// `* n FETCH`: n is a sequence number.
    Fetch,
    /// `* n UIDFETCH`: n is a UID, as in pushes and after ENABLE UIDONLY.
    UidFetch,
}

impl FetchForm {
    /// The number that names a message.
    #[must_use]
    pub fn number(self, seq: u32, uid: u32) -> u32 {
        match self {
            Self::Fetch => seq,
            Self::UidFetch => uid,
        }
    }
}

/// A response being written. Drop it only after [`FetchLine::finish`].
#[must_use]
#[derive(Debug)]
pub struct FetchLine<'o> {
    out: &'o mut BytesMut,
    empty: bool,
}

// message-data = nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att))
impl<'o> FetchLine<'o> {
    /// Begins `* n FETCH (`.
    pub fn new(out: &'o mut BytesMut, message: u32, form: FetchForm) -> Self {
        out.extend_from_slice(b"* ");
        number(out, u64::from(message));
        out.extend_from_slice(match form {
            FetchForm::Fetch => b" FETCH (".as_slice(),
            FetchForm::UidFetch => b" UIDFETCH (",
        });
        Self { out, empty: true }
    }

    /// Begins an item: writes its name (with the space after it, if it has a value) and lets the caller write
    /// the value.
    pub fn item(&mut self, name: &[u8]) -> &mut BytesMut {
        if !self.empty {
            self.out.extend_from_slice(b" ");
        }
        self.empty = false;
        self.out.extend_from_slice(name);
        self.out
    }

    /// `UID n`
    pub fn uid(&mut self, uid: u32) {
        number(self.item(b"UID "), u64::from(uid));
    }

    /// `FLAGS (..)` of flags as text.
    pub fn flags<'f>(&mut self, flags: impl IntoIterator<Item = &'f str>) {
        push_flag_list(self.item(b"FLAGS "), flags);
    }

    /// `MODSEQ (n)`
    pub fn modseq(&mut self, modseq: u64) {
        number(self.item(b"MODSEQ ("), modseq);
        self.out.extend_from_slice(b")");
    }

    /// `RFC822.SIZE n`
    pub fn size(&mut self, bytes: u64) {
        number(self.item(b"RFC822.SIZE "), bytes);
    }

    /// `INTERNALDATE ".."`
    pub fn internal_date(&mut self, unix_seconds: i64) {
        push_date_time(self.item(b"INTERNALDATE "), unix_seconds);
    }

    /// `SAVEDATE ".."` (RFC 8514)
    pub fn save_date(&mut self, unix_seconds: i64) {
        push_date_time(self.item(b"SAVEDATE "), unix_seconds);
    }

    /// `EMAILID (..)`, `THREADID (..)` (RFC 8474 §5). Mailboxes have no place here.
    pub fn object_id(&mut self, id: ObjectId) {
        let name: &[u8] = match id.kind {
            ObjectKind::Mailbox => b"MAILBOXID (",
            ObjectKind::Email => b"EMAILID (",
            ObjectKind::Thread => b"THREADID (",
        };
        push_object_id(self.item(name), id);
        self.out.extend_from_slice(b")");
    }

    /// Stops writing without ending the response, so that the output can be sent in between.
    pub fn pause(self) -> PausedLine {
        PausedLine { empty: self.empty }
    }

    /// Ends the response.
    pub fn finish(self) {
        self.out.extend_from_slice(b")\r\n");
    }
}

/// A response that is begun and not ended.
#[must_use]
#[derive(Debug)]
pub struct PausedLine {
    empty: bool,
}

impl PausedLine {
    /// Goes on writing.
    pub fn resume(self, out: &mut BytesMut) -> FetchLine<'_> {
        FetchLine { out, empty: self.empty }
    }
}
