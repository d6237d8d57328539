//! APPEND and REPLACE: messages that come from the client (RFC 9051 §6.3.12; RFC 3516 §4.4 and RFC 6855 §4 for literal8;
//! RFC 3502 for several messages; RFC 4469 for parts; RFC 8508).

use bytes::Bytes;

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed};
use crate::wire::date::date_time;
use crate::wire::flag::{Flag, flag_list};
use crate::wire::mailbox::{Names, mailbox};
use crate::wire::set::{Numbering, SeqSet};

/// Most parts of one message in CATENATE; more are BAD.
pub const PARTS_MAX: usize = 256;

/// APPEND: messages, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The mailbox.
    pub mailbox: String,
    /// At least one. The text of a command has a limit, so their number has one.
    pub messages: Vec<AppendMessage>,
}

/// REPLACE: one message that takes another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replace {
    /// What the number of the message is that goes.
    pub numbering: Numbering,
    /// The message that goes: a set of one.
    pub replaced: SeqSet,
    /// Where the new one goes.
    pub mailbox: String,
    /// The new one.
    pub message: AppendMessage,
}

/// A message from the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    /// Its flags.
    pub flags: Vec<Flag>,
    /// INTERNALDATE in seconds since 1970-01-01T00:00:00Z; `None` for now.
    pub internal_date: Option<i64>,
    /// The message, or what it is made of.
    pub content: AppendContent,
}

/// What a message from the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendContent {
    /// The message itself, and how it was wrapped. It shares the frame it came in.
    Message(Bytes, AppendForm),
    /// RFC 4469 §3: the octets of these, one after the other. At least one.
    Catenate(Vec<CatPart>),
}

/// A part of a message that the server puts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatPart {
    /// `TEXT`, and how it was wrapped.
    Text(Bytes, AppendForm),
    /// `URL`: of a message or a part, valid or not.
    Url(String),
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

// append = "APPEND" SP mailbox 1*append-message   (RFC 3502 §3)
/// The arguments of APPEND, the command's name and its space already consumed.
pub fn append(cursor: &mut Cursor<'_>) -> Parsed<Append> {
    let mailbox = mailbox(cursor)?;
    cursor.sp()?;
    let mut messages = vec![message(cursor)?];
    while cursor.eat(b' ') {
        messages.push(message(cursor)?);
    }
    cursor.end()?;
    Ok(Append { mailbox, messages })
}

// replace = "REPLACE" SP seq-number SP mailbox append-message   (RFC 8508 §3.1)
/// The arguments of REPLACE and UID REPLACE.
pub fn replace(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Replace> {
    let start = cursor.clone();
    let replaced = SeqSet::parse(cursor)?;
    let [only] = replaced.ranges() else { return Err(start.expected("one message")) };
    if only.first != only.last {
        return Err(start.expected("one message"));
    }
    cursor.sp()?;
    let mailbox = mailbox(cursor)?;
    cursor.sp()?;
    let message = message(cursor)?;
    cursor.end()?;
    Ok(Replace { numbering, replaced, mailbox, message })
}

/// The mailbox of an APPEND or REPLACE of which only what stands before a literal is there: `None` as long as its name
/// is not.
#[must_use]
pub fn target(head: &Bytes, names: Names) -> Option<String> {
    let mut cursor = Cursor::new(head, names);
    cursor.tag().ok()?;
    cursor.sp().ok()?;
    cursor.eat_text("UID ");
    if cursor.eat_text("REPLACE ") {
        SeqSet::parse(&mut cursor).ok()?;
    } else {
        cursor.atom().ok()?;
    }
    cursor.sp().ok()?;
    let mailbox = mailbox(&mut cursor).ok()?;
    cursor.sp().ok()?;
    Some(mailbox)
}

// append-message = [SP flag-list] [SP date-time] SP append-data
fn message(cursor: &mut Cursor<'_>) -> Parsed<AppendMessage> {
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
    let content = if cursor.eat_text("CATENATE ") {
        AppendContent::Catenate(cursor.list(ListBounds { max: PARTS_MAX, empty: Empty::Refused }, part)?)
    } else {
        let (message, form) = data(cursor)?;
        AppendContent::Message(message, form)
    };
    Ok(AppendMessage { flags, internal_date, content })
}

// append-data =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")"   (RFC 4469 §5)
// cat-part = text-literal / url / utf8-literal   (RFC 6855 §4)
// text-literal = "TEXT" SP literal
// url = "URL" SP astring
fn part(cursor: &mut Cursor<'_>) -> Parsed<CatPart> {
    if cursor.eat_text("URL ") {
        return cursor.astring_text().map(CatPart::Url);
    }
    // What is wrapped as UTF8 says so itself.
    cursor.eat_text("TEXT ");
    data(cursor).map(|(text, form)| CatPart::Text(text, form))
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
