//! The lexer under all parsers: a position in one command, and the small productions of RFC 9051 §9.
//!
//! The frame holds the whole command without its last CRLF; literals stand in it as they came
//! (`{3}` CRLF and three bytes). Strings leave as `Bytes` that share the frame, so a 50 MiB literal is never
//! copied.

use bytes::Bytes;
use thiserror::Error;

use crate::wire::mailbox::Names;

/// Longest tag that is echoed; longer ones are answered with an untagged BAD.
pub const TAG_BYTES_MAX: usize = 256;

/// What a command did wrong, worded for the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// Something else stood where this was due.
    #[error("expected {what} at byte {at}")]
    Expected {
        /// The production that was due.
        what: &'static str,
        /// Offset in the command, literals included.
        at: usize,
    },
    /// The production is there, its content is not acceptable.
    #[error("{what} (at byte {at})")]
    Invalid {
        /// What is wrong with it.
        what: &'static str,
        /// Offset in the command, literals included.
        at: usize,
    },
}

/// Result of every parser of this layer.
pub type Parsed<T> = Result<T, SyntaxError>;

/// A position in one command.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    frame: &'a Bytes,
    at: usize,
    names: Names,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `frame`, which is one command without its last CRLF.
    #[must_use]
    pub fn new(frame: &'a Bytes, names: Names) -> Self {
        Self { frame, at: 0, names }
    }

    /// How mailbox names are written on this connection now.
    #[must_use]
    pub fn names(&self) -> Names {
        self.names
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// The error "`what` was due here".
    #[must_use]
    pub fn expected(&self, what: &'static str) -> SyntaxError {
        SyntaxError::Expected { what, at: self.at }
    }

    /// The error "`what`, here".
    #[must_use]
    pub fn invalid(&self, what: &'static str) -> SyntaxError {
        SyntaxError::Invalid { what, at: self.at }
    }

    /// Next byte, not consumed; `None` at the end of the command.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.frame.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    /// Consumes `byte` if it is next.
    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    /// Consumes `text` (ASCII, any case) if it is next. The caller checks what follows.
    pub fn eat_text(&mut self, text: &str) -> bool {
        let found = self.rest().get(..text.len()).is_some_and(|t| t.eq_ignore_ascii_case(text.as_bytes()));
        if found {
            self.at += text.len();
        }
        found
    }

    /// Consumes `word` (any case) if it is next and no longer atom begins with it.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.eat_text(word) && !self.peek().is_some_and(is_atom_char) {
            return true;
        }
        self.at = start;
        false
    }

    /// Consumes `byte` or says that `what` was due.
    pub fn expect(&mut self, byte: u8, what: &'static str) -> Parsed<()> {
        if self.eat(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// `SP`: exactly one space.
    pub fn sp(&mut self) -> Parsed<()> {
        self.expect(b' ', "a space")
    }

    /// The end of the command.
    pub fn end(&self) -> Parsed<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected("the end of the command")) }
    }

    /// The longest run of bytes of a class; may be empty.
    pub fn take_while(&mut self, class: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&b| !class(b)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Everything up to the end of the command, unparsed: for a command that will be refused whatever follows.
    pub fn skip_rest(&mut self) {
        self.at = self.frame.len();
    }

    // atom = 1*ATOM-CHAR
    /// An atom.
    pub fn atom(&mut self) -> Parsed<&'a [u8]> {
        self.some(is_atom_char, "an atom")
    }

    /// At least one byte of a class.
    pub fn some(&mut self, class: impl Fn(u8) -> bool, what: &'static str) -> Parsed<&'a [u8]> {
        let start = self.at;
        let taken = self.take_while(class);
        if taken.is_empty() {
            return Err(SyntaxError::Expected { what, at: start });
        }
        Ok(taken)
    }

    /// An atom as upper-case text, for matching keywords; at most 32 bytes long, longer ones match nothing.
    pub fn keyword(&mut self, what: &'static str) -> Parsed<Keyword> {
        Ok(Keyword::new(self.some(is_atom_char, what)?))
    }

    // number = 1*DIGIT ; unsigned 32-bit
    /// A number below 2^32.
    pub fn number(&mut self) -> Parsed<u32> {
        let at = self.at;
        u32::try_from(self.number64()?)
            .map_err(|_| SyntaxError::Invalid { what: "the number is above 32 bits", at })
    }

    // nz-number = digit-nz *DIGIT
    /// A number from 1 to 2^32-1.
    pub fn nz_number(&mut self) -> Parsed<u32> {
        let at = self.at;
        match self.number()? {
            0 => Err(SyntaxError::Expected { what: "a number above zero", at }),
            number => Ok(number),
        }
    }

    // number64 = 1*DIGIT ; unsigned 63-bit
    /// A number below 2^63.
    pub fn number64(&mut self) -> Parsed<u64> {
        let at = self.at;
        let digits = self.some(|b| b.is_ascii_digit(), "a number")?;
        digits
            .iter()
            .try_fold(0_u64, |n, &d| n.checked_mul(10)?.checked_add(u64::from(d - b'0')))
            .filter(|&n| n < 1 << 63)
            .ok_or(SyntaxError::Invalid { what: "the number is above 63 bits", at })
    }

    // tag = 1*<any ASTRING-CHAR except "+">
    /// The tag of a command.
    pub fn tag(&mut self) -> Parsed<Bytes> {
        let start = self.at;
        let tag = self.some(|b| is_astring_char(b) && b != b'+', "a tag")?;
        if tag.len() > TAG_BYTES_MAX {
            return Err(SyntaxError::Invalid { what: "the tag is too long", at: start });
        }
        Ok(self.frame.slice(start..self.at))
    }

    // astring = 1*ASTRING-CHAR / string
    /// A string in any form, or an atom that may hold `]`.
    pub fn astring(&mut self) -> Parsed<Bytes> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => {
                let start = self.at;
                self.some(is_astring_char, "an atom or a string")?;
                Ok(self.frame.slice(start..self.at))
            }
        }
    }

    /// An astring that is UTF-8.
    pub fn astring_text(&mut self) -> Parsed<String> {
        let at = self.at;
        text(self.astring()?, at)
    }

    // string = quoted / literal
    /// A quoted string or a literal.
    pub fn string(&mut self) -> Parsed<Bytes> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => Err(self.expected("a string")),
        }
    }

    // nstring = string / nil
    /// A string or NIL.
    pub fn nstring(&mut self) -> Parsed<Option<Bytes>> {
        if self.eat_word("NIL") { Ok(None) } else { self.string().map(Some) }
    }

    // quoted = DQUOTE *QUOTED-CHAR DQUOTE
    fn quoted(&mut self) -> Parsed<Bytes> {
        self.expect(b'"', "a quoted string")?;
        let start = self.at;
        let plain = self.take_while(is_quoted_plain);
        if self.eat(b'"') {
            return Ok(self.frame.slice(start..start + plain.len()));
        }
        let mut unescaped = plain.to_vec();
        loop {
            unescaped.extend_from_slice(self.take_while(is_quoted_plain));
            if self.eat(b'"') {
                return Ok(Bytes::from(unescaped));
            }
            self.expect(b'\\', "the closing quote")?;
            match self.peek() {
                Some(byte @ (b'"' | b'\\')) => unescaped.push(byte),
                _ => return Err(self.expected("a quote or backslash after a backslash")),
            }
            self.at += 1;
        }
    }

    // literal = "{" number64 ["+"] "}" CRLF *CHAR8   (CHAR8: no NUL)
    /// A literal; NUL is refused (RFC 3516 has literal8 for that).
    pub fn literal(&mut self) -> Parsed<Bytes> {
        let body = self.literal_body()?;
        if memchr::memchr(0, &body).is_some() {
            return Err(self.invalid("a NUL byte needs a literal8 (~{..})"));
        }
        Ok(body)
    }

    // literal8 = "~{" number64 ["+"] "}" CRLF *OCTET
    /// A literal that may hold NUL.
    pub fn literal8(&mut self) -> Parsed<Bytes> {
        self.expect(b'~', "a literal8")?;
        self.literal_body()
    }

    fn literal_body(&mut self) -> Parsed<Bytes> {
        self.expect(b'{', "a literal")?;
        let length = self.number64()?;
        self.eat(b'+');
        self.expect(b'}', "the end of the literal's length")?;
        self.eat(b'\r');
        self.expect(b'\n', "a line end after the literal's length")?;
        let start = self.at;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
        match end.filter(|&end| end <= self.frame.len()) {
            Some(end) => {
                self.at = end;
                Ok(self.frame.slice(start..end))
            }
            None => Err(self.expected("the literal's bytes")),
        }
    }

    /// `(`, items parted by one space, `)`. At most `max` of them; `()` only where `empty` allows it.
    pub fn list<T>(
        &mut self,
        bounds: ListBounds,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(b'(', "an opening parenthesis")?;
        let mut items = Vec::new();
        if bounds.empty == Empty::Allowed && self.eat(b')') {
            return Ok(items);
        }
        loop {
            if items.len() == bounds.max {
                return Err(self.invalid("the list has too many members"));
            }
            items.push(item(self)?);
            if self.eat(b')') {
                return Ok(items);
            }
            self.expect(b' ', "a space or a closing parenthesis")?;
        }
    }
}

/// How many members a parenthesised list may have.
#[derive(Debug, Clone, Copy)]
pub struct ListBounds {
    /// The longest list that is taken; longer ones are BAD.
    pub max: usize,
    /// Whether `()` is one.
    pub empty: Empty,
}

/// Whether a list may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// `()` is taken.
    Allowed,
    /// At least one member is due.
    Refused,
}

/// A short upper-case word, compared as text.
#[derive(Debug, Clone, Copy)]
pub struct Keyword {
    bytes: [u8; Keyword::BYTES_MAX],
    length: usize,
}

impl Keyword {
    const BYTES_MAX: usize = 32;

    fn new(word: &[u8]) -> Self {
        let mut bytes = [0; Self::BYTES_MAX];
        let length = if word.len() <= Self::BYTES_MAX { word.len() } else { 0 };
        for (to, from) in bytes.iter_mut().zip(word.iter().take(length)) {
            *to = from.to_ascii_uppercase();
        }
        Self { bytes, length }
    }

    /// The word in upper case; empty if it was too long to be any keyword.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// `bytes` as UTF-8, or the error at `at`.
pub fn text(bytes: Bytes, at: usize) -> Parsed<String> {
    String::from_utf8(Vec::from(bytes))
        .map_err(|_| SyntaxError::Invalid { what: "the string is not UTF-8", at })
}

// ATOM-CHAR = <any CHAR except atom-specials>
// atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
/// Whether `byte` may stand in an atom.
#[must_use]
pub fn is_atom_char(byte: u8) -> bool {
    is_astring_char(byte) && byte != b']'
}

// ASTRING-CHAR = ATOM-CHAR / resp-specials
/// Whether `byte` may stand in an astring without quotes.
#[must_use]
pub fn is_astring_char(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\')
}

// list-char = ATOM-CHAR / list-wildcards / resp-specials
/// Whether `byte` may stand in an unquoted LIST pattern.
#[must_use]
pub fn is_list_char(byte: u8) -> bool {
    is_astring_char(byte) || matches!(byte, b'%' | b'*')
}

/// A byte of a quoted string that stands for itself. Bytes above 127 are taken always: strict clients send
/// them only after ENABLE UTF8=ACCEPT, the others mean the same.
fn is_quoted_plain(byte: u8) -> bool {
    !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0)
}

#[cfg(test)]
mod tests;
