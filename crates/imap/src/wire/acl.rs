//! Access control lists on the wire (RFC 4314 §7): SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS and their responses.

use bytes::BytesMut;

use crate::wire::cursor::{Cursor, Parsed, SyntaxError};
use crate::wire::encode::{self, Quoting};
use crate::wire::mailbox::{Names, mailbox};

/// Longest identifier in bytes; a longer one is BAD.
pub const IDENTIFIER_BYTES_MAX: usize = 256;

/// SETACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAcl {
    /// The mailbox.
    pub mailbox: String,
    /// Whose rights; with `-` before it, whose rights are taken away.
    pub identifier: String,
    /// How they are changed.
    pub change: Change,
    /// Lower-case letters of RFC 4314 §2.1, the obsolete `c` and `d` among them.
    pub rights: String,
}

/// How SETACL changes rights (RFC 4314 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// To exactly these.
    Replace,
    /// `+`
    Add,
    /// `-`
    Remove,
}

/// DELETEACL and LISTRIGHTS: a mailbox and an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclTarget {
    /// The mailbox.
    pub mailbox: String,
    /// Whose rights.
    pub identifier: String,
}

/// LISTRIGHTS as an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRightsLine<'a> {
    /// The mailbox in UTF-8.
    pub mailbox: &'a str,
    /// As the client wrote it.
    pub identifier: &'a str,
    /// What it always has.
    pub required: &'a str,
    /// What it may be given, each by itself.
    pub optional: &'a [&'a str],
}

// setacl = "SETACL" SP mailbox SP identifier SP mod-rights
// mod-rights = astring ; +rights to add, -rights to remove, rights to replace
/// The arguments of SETACL.
pub fn set_acl(cursor: &mut Cursor<'_>) -> Parsed<SetAcl> {
    let AclTarget { mailbox, identifier } = target(cursor)?;
    cursor.sp()?;
    let at = cursor.position();
    let text = cursor.astring_text()?;
    let (change, rights) = match text.as_bytes().first() {
        Some(b'+') => (Change::Add, text.get(1..)),
        Some(b'-') => (Change::Remove, text.get(1..)),
        _ => (Change::Replace, text.get(..)),
    };
    let rights = rights.unwrap_or_default();
    // RFC 4314 §3.1: a right that is not known is never passed over.
    if !rights.chars().all(|letter| LETTERS.contains(letter)) {
        return Err(SyntaxError::Invalid { what: "there is no such right", at });
    }
    cursor.end()?;
    Ok(SetAcl { mailbox, identifier, change, rights: rights.to_owned() })
}

// deleteacl = "DELETEACL" SP mailbox SP identifier
// listrights = "LISTRIGHTS" SP mailbox SP identifier
/// The arguments of DELETEACL and LISTRIGHTS.
pub fn acl_target(cursor: &mut Cursor<'_>) -> Parsed<AclTarget> {
    let target = target(cursor)?;
    cursor.end()?;
    Ok(target)
}

fn target(cursor: &mut Cursor<'_>) -> Parsed<AclTarget> {
    let mailbox = mailbox(cursor)?;
    cursor.sp()?;
    let at = cursor.position();
    // identifier = astring
    let identifier = cursor.astring_text()?;
    // RFC 4314 §3: what can't be prepared, or is nothing then, is BAD.
    let bare = identifier.strip_prefix('-').unwrap_or(&identifier);
    if bare.is_empty() || identifier.len() > IDENTIFIER_BYTES_MAX || bare.chars().any(char::is_control) {
        return Err(SyntaxError::Invalid { what: "there can be no such identifier", at });
    }
    Ok(AclTarget { mailbox, identifier })
}

// acl-data = "ACL" SP mailbox *(SP identifier SP rights)
pub(crate) fn push_acl(out: &mut BytesMut, mailbox: &str, entries: &[(String, String)], names: Names) {
    out.extend_from_slice(b"ACL ");
    encode::mailbox(out, mailbox, names);
    for (identifier, rights) in entries {
        for word in [identifier, rights] {
            out.extend_from_slice(b" ");
            encode::astring(out, word.as_bytes(), Quoting::from(names));
        }
    }
}

// listrights-data = "LISTRIGHTS" SP mailbox SP identifier SP rights *(SP rights)
pub(crate) fn push_list_rights(out: &mut BytesMut, line: &ListRightsLine<'_>, names: Names) {
    out.extend_from_slice(b"LISTRIGHTS ");
    encode::mailbox(out, line.mailbox, names);
    for word in [line.identifier, line.required].iter().chain(line.optional) {
        out.extend_from_slice(b" ");
        encode::astring(out, word.as_bytes(), Quoting::from(names));
    }
}

// myrights-data = "MYRIGHTS" SP mailbox SP rights
pub(crate) fn push_my_rights(out: &mut BytesMut, mailbox: &str, rights: &str, names: Names) {
    out.extend_from_slice(b"MYRIGHTS ");
    encode::mailbox(out, mailbox, names);
    out.extend_from_slice(b" ");
    encode::astring(out, rights.as_bytes(), Quoting::from(names));
}

/// RFC 4314 §2.1 and §2.1.1.
const LETTERS: &str = "lrswipkxteacd";

#[cfg(test)]
mod tests;
