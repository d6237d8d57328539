//! Status responses and their codes as values, and their bytes (RFC 9051 §7.1).

use std::borrow::Cow;

use bytes::BytesMut;

use crate::wire::command::Tag;
use crate::wire::encode::{self, Quoting, number};
use crate::wire::flag::push_flag_list;
use crate::wire::response::{ObjectId, push_object_id, push_words};
use crate::wire::set::NumberSet;

/// A status response: OK, NO, BAD, BYE (RFC 9051 §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which.
    pub condition: Condition,
    /// The response code.
    pub code: Option<Code>,
    /// For people; one line.
    pub text: Cow<'static, str>,
}

/// Which status response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Done.
    Ok,
    /// Not done.
    No,
    /// Not understood.
    Bad,
    /// The server closes the connection.
    Bye,
}

/// A response code (RFC 9051 §7.1, RFC 5530, RFC 4315, RFC 5267, RFC 5465, RFC 7162, RFC 8474, RFC 9738).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named as in its RFC")]
pub enum Code {
    AlreadyExists,
    AppendUid { uid_validity: u32, uids: NumberSet },
    AuthenticationFailed,
    AuthorizationFailed,
    BadCharset,
    BadEvent(&'static [&'static str]),
    BadUrl(String),
    Cannot,
    Capability(Vec<Cow<'static, str>>),
    ClientBug,
    Closed,
    CompressionActive,
    CopyUid { uid_validity: u32, from: NumberSet, to: NumberSet },
    Expired,
    ExpungeIssued,
    HasChildren,
    HighestModSeq(u64),
    InProgress { tag: Tag, done: usize, goal: usize },
    Limit,
    MailboxId(ObjectId),
    MessageLimit { limit: usize, lowest: Option<u32> },
    Metadata(MetadataCode),
    Modified(NumberSet),
    NonExistent,
    NoPerm,
    NotificationOverflow,
    NotSaved,
    NoUpdate(Tag),
    OverQuota,
    PermanentFlags(Vec<String>),
    PrivacyRequired,
    ReadOnly,
    ReadWrite,
    ServerBug,
    TooBig,
    TryCreate,
    UidNext(u32),
    UidNotSticky,
    UidRequired,
    UidValidity(u32),
    Unavailable,
    UnknownCte,
    Unseen(u32),
    UseAttr,
}

/// What METADATA says in a response code (RFC 5464 §4.2.1 and §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataCode {
    /// Octets of the longest value that MAXSIZE kept out.
    LongEntries(u64),
    /// Octets that a value may have.
    MaxSize(u64),
    /// There are as many entries as there may be.
    TooMany,
}

impl Status {
    /// `OK text`
    #[must_use]
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::Ok, code: None, text: text.into() }
    }

    /// `NO text`
    #[must_use]
    pub fn no(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::No, code: None, text: text.into() }
    }

    /// `BAD text`
    #[must_use]
    pub fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::Bad, code: None, text: text.into() }
    }

    /// `BYE text`
    #[must_use]
    pub fn bye(text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition: Condition::Bye, code: None, text: text.into() }
    }

    /// The same with a response code.
    #[must_use]
    pub fn with(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    // response-tagged = tag SP resp-cond-state CRLF
    /// Writes it as the end of a command; without a tag as an untagged response.
    pub fn encode(&self, out: &mut BytesMut, tag: Option<&Tag>) {
        out.extend_from_slice(tag.map_or(b"*", Tag::as_bytes));
        out.extend_from_slice(match self.condition {
            Condition::Ok => b" OK ",
            Condition::No => b" NO ",
            Condition::Bad => b" BAD ",
            Condition::Bye => b" BYE ",
        });
        if let Some(code) = &self.code {
            out.extend_from_slice(b"[");
            code.encode(out);
            out.extend_from_slice(b"] ");
        }
        // Texts may quote what a client sent: what would end the line becomes a space.
        out.extend(self.text.bytes().map(|b| if b < b' ' || b == 0x7f { b' ' } else { b }));
        out.extend_from_slice(b"\r\n");
    }
}

impl Code {
    fn encode(&self, out: &mut BytesMut) {
        let with_number = |out: &mut BytesMut, name: &[u8], value: u64| {
            out.extend_from_slice(name);
            out.extend_from_slice(b" ");
            number(out, value);
        };
        match self {
            Self::AppendUid { uid_validity, uids } => {
                with_number(out, b"APPENDUID", u64::from(*uid_validity));
                out.extend_from_slice(b" ");
                uids.encode(out);
            }
            Self::CopyUid { uid_validity, from, to } => {
                with_number(out, b"COPYUID", u64::from(*uid_validity));
                for set in [from, to] {
                    out.extend_from_slice(b" ");
                    set.encode(out);
                }
            }
            Self::BadCharset => out.extend_from_slice(b"BADCHARSET (US-ASCII UTF-8)"),
            Self::BadEvent(names) => {
                out.extend_from_slice(b"BADEVENT (");
                out.extend_from_slice(names.join(" ").as_bytes());
                out.extend_from_slice(b")");
            }
            Self::BadUrl(url) => push_bad_url(out, url),
            Self::Capability(names) => push_words(out, "CAPABILITY", names),
            Self::HighestModSeq(value) => with_number(out, b"HIGHESTMODSEQ", *value),
            Self::InProgress { tag, done, goal } => push_in_progress(out, tag, (*done, *goal)),
            Self::MailboxId(id) => {
                out.extend_from_slice(b"MAILBOXID (");
                push_object_id(out, *id);
                out.extend_from_slice(b")");
            }
            // message-limit-resp-code = "MESSAGELIMIT" SP message-limit [SP uniqueid]   (RFC 9738 §4)
            Self::MessageLimit { limit, lowest } => {
                with_number(out, b"MESSAGELIMIT", *limit as u64);
                if let Some(uid) = lowest {
                    with_number(out, b"", u64::from(*uid));
                }
            }
            Self::Metadata(MetadataCode::LongEntries(size)) => {
                with_number(out, b"METADATA LONGENTRIES", *size)
            }
            Self::Metadata(MetadataCode::MaxSize(size)) => with_number(out, b"METADATA MAXSIZE", *size),
            Self::Metadata(MetadataCode::TooMany) => out.extend_from_slice(b"METADATA TOOMANY"),
            Self::Modified(numbers) => {
                out.extend_from_slice(b"MODIFIED ");
                numbers.encode(out);
            }
            // resp-text-code =/ "NOUPDATE" SP quoted   (RFC 5267 §5)
            Self::NoUpdate(tag) => {
                out.extend_from_slice(b"NOUPDATE ");
                encode::string(out, tag.as_bytes(), Quoting::Ascii);
            }
            Self::PermanentFlags(flags) => {
                out.extend_from_slice(b"PERMANENTFLAGS ");
                push_flag_list(out, flags.iter().map(String::as_str));
            }
            Self::UidNext(value) => with_number(out, b"UIDNEXT", u64::from(*value)),
            Self::UidValidity(value) => with_number(out, b"UIDVALIDITY", u64::from(*value)),
            Self::Unseen(value) => with_number(out, b"UNSEEN", u64::from(*value)),
            word => out.extend_from_slice(word.word()),
        }
    }

    /// The codes that are one word.
    fn word(&self) -> &'static [u8] {
        match self {
            Self::AlreadyExists => b"ALREADYEXISTS",
            Self::AuthenticationFailed => b"AUTHENTICATIONFAILED",
            Self::AuthorizationFailed => b"AUTHORIZATIONFAILED",
            Self::Cannot => b"CANNOT",
            Self::ClientBug => b"CLIENTBUG",
            Self::Closed => b"CLOSED",
            Self::CompressionActive => b"COMPRESSIONACTIVE",
            Self::Expired => b"EXPIRED",
            Self::ExpungeIssued => b"EXPUNGEISSUED",
            Self::HasChildren => b"HASCHILDREN",
            Self::Limit => b"LIMIT",
            Self::NonExistent => b"NONEXISTENT",
            Self::NoPerm => b"NOPERM",
            Self::NotificationOverflow => b"NOTIFICATIONOVERFLOW",
            Self::NotSaved => b"NOTSAVED",
            Self::OverQuota => b"OVERQUOTA",
            Self::PrivacyRequired => b"PRIVACYREQUIRED",
            Self::ReadOnly => b"READ-ONLY",
            Self::ReadWrite => b"READ-WRITE",
            Self::ServerBug => b"SERVERBUG",
            Self::TooBig => b"TOOBIG",
            Self::TryCreate => b"TRYCREATE",
            Self::UidNotSticky => b"UIDNOTSTICKY",
            Self::UidRequired => b"UIDREQUIRED",
            Self::Unavailable => b"UNAVAILABLE",
            Self::UnknownCte => b"UNKNOWN-CTE",
            Self::UseAttr => b"USEATTR",
            _ => b"",
        }
    }
}

// badurl-response-code = "BADURL" SP url-resp-text   (RFC 4469 §5)
/// What would end the code or the line is percent-encoded, and the URL quoted as in the RFC's examples.
fn push_bad_url(out: &mut BytesMut, url: &str) {
    out.extend_from_slice(b"BADURL \"");
    for byte in url.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b']' | b'"' | b'\\') {
            out.extend_from_slice(&[byte]);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out.extend_from_slice(b"\"");
}

// resp-text-code =/ "INPROGRESS" [SP "(" inprogress-tag SP inprogress-state ")"]   (RFC 9585 §5)
// inprogress-tag = quoted / nil
fn push_in_progress(out: &mut BytesMut, tag: &Tag, (done, goal): (usize, usize)) {
    out.extend_from_slice(b"INPROGRESS (");
    // RFC 9585 §4: a tag that would end the code for clients that do not look for quotes is left out.
    if tag.as_bytes().contains(&b']') {
        out.extend_from_slice(b"NIL");
    } else {
        encode::string(out, tag.as_bytes(), Quoting::Ascii);
    }
    for value in [done, goal] {
        out.extend_from_slice(b" ");
        number(out, value as u64);
    }
    out.extend_from_slice(b")");
}

#[cfg(test)]
mod tests;
