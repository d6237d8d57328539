//! The lexical layer of IMAP responses (RFC 9051 §4, §9): atoms, strings, literals, lists. Used for what is pushed and
//! for what a server answers.
//!
//! Pure. Depth and size are limited; a `BODY[HEADER.FIELDS (..)]` is one atom with its brackets.

use thiserror::Error;

/// One value of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A bare word, number or section name.
    Atom(String),
    /// A quoted string or a literal.
    Text(Vec<u8>),
    /// A parenthesised list.
    List(Vec<Value>),
    /// `NIL`.
    Nil,
}

/// The bytes are not the beginning of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an IMAP response")]
pub struct SyntaxError;

impl Value {
    /// A bare word.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Atom(word) => Some(word),
            _ => None,
        }
    }

    /// A word or a string, as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Atom(word) => Some(word.clone()),
            Self::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::List(_) | Self::Nil => None,
        }
    }

    /// The members of a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(members) => Some(members),
            _ => None,
        }
    }

    /// The members of a list of words.
    #[must_use]
    pub fn words(&self) -> Option<Vec<String>> {
        self.list()?.iter().map(|member| member.word().map(str::to_owned)).collect()
    }
}

/// Splits a push into its responses, without the `* ` and the line end. A line that does not begin with a star is given
/// as it is.
#[must_use]
pub fn split_responses(bytes: &[u8]) -> Vec<&[u8]> {
    let mut responses = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(line_length(rest));
        let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
        let line = line.strip_prefix(b"* ").unwrap_or(line);
        if !line.is_empty() {
            responses.push(line);
        }
        rest = after;
    }
    responses
}

/// The values of one response, with its literals in it and without its line end.
pub fn parse_line(bytes: &[u8]) -> Result<Vec<Value>, SyntaxError> {
    let mut parser = Parser { rest: bytes };
    let values = parser.values(0)?;
    if parser.rest.is_empty() { Ok(values) } else { Err(SyntaxError) }
}

/// The length of the literal that a line announces at its end, if it does (RFC 9051 §4.3; `~` for binary, RFC 3516).
#[must_use]
pub fn announced_literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"))?;
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(inner.get(open + 1..)?).ok()?;
    let digits = digits.strip_suffix('+').unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// How long the response at the beginning is, with its literals and its line end.
fn line_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let Some(rest) = bytes.get(length..) else { return bytes.len() };
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return bytes.len() };
        let line = rest.get(..=end).unwrap_or(rest);
        length += line.len();
        match announced_literal(line) {
            Some(literal) => length = length.saturating_add(literal).min(bytes.len()),
            None => return length,
        }
    }
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn values(&mut self, depth: usize) -> Result<Vec<Value>, SyntaxError> {
        let mut values = Vec::new();
        loop {
            while self.rest.first() == Some(&b' ') {
                self.skip(1);
            }
            match self.rest.first() {
                None | Some(b')') => return Ok(values),
                Some(_) => values.push(self.value(depth)?),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        match self.rest {
            [b'(', ..] => self.list(depth),
            [b'"', ..] => self.quoted(),
            [b'{', ..] => self.literal(),
            [b'~', b'{', ..] => {
                self.skip(1);
                self.literal()
            }
            _ => self.atom(),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        if depth >= DEPTH_MAX {
            return Err(SyntaxError);
        }
        self.skip(1);
        let members = self.values(depth + 1)?;
        if self.rest.first() != Some(&b')') {
            return Err(SyntaxError);
        }
        self.skip(1);
        Ok(Value::List(members))
    }

    fn quoted(&mut self) -> Result<Value, SyntaxError> {
        self.skip(1);
        let mut text = Vec::new();
        loop {
            match *self.rest {
                [b'"', ..] => {
                    self.skip(1);
                    return Ok(Value::Text(text));
                }
                [b'\\', byte, ..] => {
                    text.push(byte);
                    self.skip(2);
                }
                [b'\r' | b'\n', ..] | [] => return Err(SyntaxError),
                [byte, ..] => {
                    text.push(byte);
                    self.skip(1);
                }
            }
        }
    }

    fn literal(&mut self) -> Result<Value, SyntaxError> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').ok_or(SyntaxError)?;
        let (line, after) = self.rest.split_at(end + 1);
        let length = announced_literal(line).ok_or(SyntaxError)?;
        // Only `{n}` may stand before the line end.
        if line.iter().filter(|byte| **byte == b'{').count() != 1 {
            return Err(SyntaxError);
        }
        let (text, rest) = after.split_at_checked(length).ok_or(SyntaxError)?;
        self.rest = rest;
        Ok(Value::Text(text.to_vec()))
    }

    /// Up to a space or parenthesis; within brackets those belong to it.
    fn atom(&mut self) -> Result<Value, SyntaxError> {
        let mut in_brackets = false;
        let mut length = 0;
        for byte in self.rest {
            match byte {
                b'[' => in_brackets = true,
                b']' => in_brackets = false,
                b' ' | b'(' | b')' if !in_brackets => break,
                b'"' | b'{' | 0..=31 | 127 if !in_brackets => return Err(SyntaxError),
                _ => {}
            }
            length += 1;
        }
        let (atom, rest) = self.rest.split_at_checked(length).ok_or(SyntaxError)?;
        if atom.is_empty() || in_brackets {
            return Err(SyntaxError);
        }
        self.rest = rest;
        let atom = std::str::from_utf8(atom).map_err(|_| SyntaxError)?;
        Ok(if atom.eq_ignore_ascii_case("NIL") { Value::Nil } else { Value::Atom(atom.to_owned()) })
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

/// An envelope in a body structure in a list goes to about ten.
const DEPTH_MAX: usize = 32;

#[cfg(test)]
mod tests;
