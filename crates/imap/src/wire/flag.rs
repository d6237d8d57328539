//! Flags and keywords (RFC 9051 §2.3.2).

use bytes::BytesMut;

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed, is_atom_char};

/// Most flags in one command; more are BAD.
pub const FLAGS_MAX: usize = 128;
/// Longest keyword in bytes; longer ones are BAD.
pub const KEYWORD_BYTES_MAX: usize = 255;

/// A flag of a message. `\Recent` is not one here: this server gives it to no message (RFC 9051 has dropped
/// it, RFC 3501 lets it be absent), and drops it from what clients send.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// A keyword: an atom, compared without case, kept as the client wrote it.
    Keyword(String),
}

impl Flag {
    /// The flag as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Seen => r"\Seen",
            Self::Answered => r"\Answered",
            Self::Flagged => r"\Flagged",
            Self::Deleted => r"\Deleted",
            Self::Draft => r"\Draft",
            Self::Keyword(keyword) => keyword,
        }
    }
}

// flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
/// One flag; `None` for `\Recent`, which a client can't set.
pub fn flag(cursor: &mut Cursor<'_>) -> Parsed<Option<Flag>> {
    if !cursor.eat(b'\\') {
        return keyword(cursor).map(|keyword| Some(Flag::Keyword(keyword)));
    }
    let start = cursor.clone();
    match cursor.keyword("a flag")?.as_str() {
        "SEEN" => Ok(Some(Flag::Seen)),
        "ANSWERED" => Ok(Some(Flag::Answered)),
        "FLAGGED" => Ok(Some(Flag::Flagged)),
        "DELETED" => Ok(Some(Flag::Deleted)),
        "DRAFT" => Ok(Some(Flag::Draft)),
        "RECENT" => Ok(None),
        _ => Err(start.invalid("there is no such system flag")),
    }
}

// flag-keyword = "$MDNSent" / "$Forwarded" / "$Junk" / "$NotJunk" / "$Phishing" / atom
/// One keyword.
pub fn keyword(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.clone();
    let atom = cursor.some(is_atom_char, "a flag")?;
    if atom.len() > KEYWORD_BYTES_MAX {
        return Err(start.invalid("the keyword is too long"));
    }
    Ok(String::from_utf8_lossy(atom).into_owned())
}

// flag-list = "(" [flag *(SP flag)] ")"
/// A parenthesised list of flags.
pub fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    let flags = cursor.list(ListBounds { max: FLAGS_MAX, empty: Empty::Allowed }, flag)?;
    Ok(flags.into_iter().flatten().collect())
}

// store-att-flags = .. (flag-list / (flag *(SP flag)))
/// The flags of STORE: in parentheses or bare, up to the end of the command.
pub fn flags_of_store(cursor: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    if cursor.peek() == Some(b'(') {
        return flag_list(cursor);
    }
    let mut flags = Vec::new();
    loop {
        if flags.len() == FLAGS_MAX {
            return Err(cursor.invalid("the list has too many members"));
        }
        flags.extend(flag(cursor)?);
        if !cursor.eat(b' ') {
            return Ok(flags);
        }
    }
}

/// Writes `(a b c)` of flags that are already text: `\Seen`, `$Forwarded`.
pub fn push_flag_list<'f>(out: &mut BytesMut, flags: impl IntoIterator<Item = &'f str>) {
    out.extend_from_slice(b"(");
    for (index, flag) in flags.into_iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b" ");
        }
        out.extend_from_slice(flag.as_bytes());
    }
    out.extend_from_slice(b")");
}
