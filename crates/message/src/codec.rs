//! The byte encoding that envelopes, structures and summaries are stored in.
//!
//! One version byte, then numbers as LEB128 and strings behind their length. It is written once at delivery and
//! read by every FETCH, so reading borrows and never allocates for a length it has not seen the bytes of.
//! Not self-describing: a change of layout raises the version of the type that changed.

/// Why stored bytes could not be read back. Always a fault of the store or of a newer Mailbell, never of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The version byte is not one that this code writes.
    #[error("unknown encoding version {0}")]
    Version(u8),
    /// The bytes end before the value does.
    #[error("encoded value is truncated")]
    Truncated,
    /// The bytes can't have been written by this code.
    #[error("encoded value is malformed: {0}")]
    Malformed(&'static str),
}

pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(version: u8) -> Writer {
        let mut bytes = Vec::with_capacity(ENCODED_BYTES_GUESS);
        bytes.push(version);
        Writer { bytes }
    }

    /// A writer of something that stands inside another value and so has no version of its own.
    pub(crate) fn nested() -> Writer {
        Writer { bytes: Vec::new() }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn number(&mut self, number: u64) {
        let mut rest = number;
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                self.bytes.push(low & 0x7f);
                return;
            }
            self.bytes.push(low | 0x80);
        }
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    pub(crate) fn string(&mut self, string: &[u8]) {
        self.count(string.len());
        self.bytes.extend_from_slice(string);
    }

    /// NIL is 0; a string of n bytes is n + 1 and the bytes.
    pub(crate) fn optional(&mut self, string: Option<&[u8]>) {
        match string {
            None => self.byte(0),
            Some(string) => {
                self.count(string.len().saturating_add(1));
                self.bytes.extend_from_slice(string);
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], version: u8) -> Result<Reader<'a>, DecodeError> {
        let (&found, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
        if found != version {
            return Err(DecodeError::Version(found));
        }
        Ok(Reader { rest })
    }

    pub(crate) fn nested(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Malformed("trailing bytes")) }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(DecodeError::Malformed("number too long"))
    }

    pub(crate) fn number32(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.number()?).map_err(|_| DecodeError::Malformed("number over 32 bits"))
    }

    /// A count of items of at least one byte each, so that a wrong count can't make the caller reserve memory.
    pub(crate) fn count(&mut self) -> Result<usize, DecodeError> {
        let count = self.length()?;
        if count > self.rest.len() { Err(DecodeError::Truncated) } else { Ok(count) }
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.length()?;
        self.take(length)
    }

    pub(crate) fn optional(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.length()?.checked_sub(1) {
            None => Ok(None),
            Some(length) => self.take(length).map(Some),
        }
    }

    fn length(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.number()?).map_err(|_| DecodeError::Truncated)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (string, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(string)
    }
}

/// An envelope with a handful of addresses fits without growing.
const ENCODED_BYTES_GUESS: usize = 512;
