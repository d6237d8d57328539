//! APPEND (RFC 9051 §6.3.12; RFC 3516 §4.4 and RFC 6855 §4 for literal8).

use bytes::Bytes;

use crate::wire::cursor::{Cursor, Parsed};
use crate::wire::date::date_time;
use crate::wire::flag::{Flag, flag_list};
use crate::wire::mailbox::{Names, mailbox};

/// A message and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The mailbox.
    pub mailbox: String,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// INTERNALDATE in seconds since 1970-01-01T00:00:00Z; `None` for now.
    pub internal_date: Option<i64>,
    /// The message. It shares the frame it came in.
    pub message: Bytes,
    /// How the message was wrapped.
    pub form: AppendForm,
}

/// How the message of an APPEND was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendForm {
    /// A literal: no NUL.
    Literal,
    /// A literal8 (RFC 3516 §4.4): any byte.
    Literal8,
    /// `UTF8 (~{..}..)` (RFC 6855 §4): the header may be UTF-8. Valid only after ENABLE UTF8=ACCEPT.
    Utf8,
}

// append = "APPEND" SP mailbox SP append-message
// append-message = [flag-list SP] [date-time SP] append-data
/// The arguments of APPEND, the command's name and its space already consumed.
pub fn append(cursor: &mut Cursor<'_>) -> Parsed<Append> {
    let mailbox = mailbox(cursor)?;
    cursor.sp()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = flag_list(cursor)?;
        cursor.sp()?;
    }
    let mut internal_date = None;
    if cursor.peek() == Some(b'"') {
        internal_date = Some(date_time(cursor)?);
        cursor.sp()?;
    }
    let (message, form) = data(cursor)?;
    cursor.end()?;
    Ok(Append { mailbox, flags, internal_date, message, form })
}

/// The mailbox of an APPEND of which only what stands before a literal is there: `None` as long as its name is not.
#[must_use]
pub fn target(head: &Bytes, names: Names) -> Option<String> {
    let mut cursor = Cursor::new(head, names);
    cursor.tag().ok()?;
    cursor.sp().ok()?;
    cursor.atom().ok()?;
    cursor.sp().ok()?;
    let mailbox = mailbox(&mut cursor).ok()?;
    cursor.sp().ok()?;
    Some(mailbox)
}

// append-data = literal / literal8 / "UTF8" SP "(" literal8 ")"
fn data(cursor: &mut Cursor<'_>) -> Parsed<(Bytes, AppendForm)> {
    match cursor.peek() {
        Some(b'{') => Ok((cursor.literal()?, AppendForm::Literal)),
        Some(b'~') => Ok((cursor.literal8()?, AppendForm::Literal8)),
        _ if cursor.eat_text("UTF8 (") => {
            let message = cursor.literal8()?;
            cursor.expect(b')', "a closing parenthesis")?;
            Ok((message, AppendForm::Utf8))
        }
        _ => Err(cursor.expected("the message as a literal")),
    }
}
