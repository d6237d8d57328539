//! Responses as values, and their bytes (RFC 9051 §7).
//!
//! FETCH, the one response whose speed matters, is written item by item: see
//! [`fetch_line`](crate::wire::encode::fetch_line).

use std::borrow::Cow;

use bytes::BytesMut;

use crate::wire::acl::{ListRightsLine, push_acl, push_list_rights, push_my_rights};
use crate::wire::encode::{self, Quoting, number};
use crate::wire::esearch::ESearchLine;
use crate::wire::flag::push_flag_list;
use crate::wire::list::StatusItem;
use crate::wire::mailbox::Names;
use crate::wire::metadata::{MetadataLine, push_metadata};
use crate::wire::quota::{QuotaLine, push_quota, push_quota_root};
use crate::wire::set::NumberSet;
use crate::wire::thread::Threads;

/// An object id of RFC 8474: a letter for its kind and the store's number, which is unique in an account; in another's
/// account the owner comes after it, so that the user sees no id twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectId {
    /// What it names.
    pub kind: ObjectKind,
    /// Its number in its owner's account.
    pub number: u64,
    /// The owner's number, unless it is the user.
    pub owner: Option<u64>,
}

/// What an object id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// MAILBOXID
    Mailbox,
    /// EMAILID
    Email,
    /// THREADID
    Thread,
}

// objectid = 1*255(ALPHA / DIGIT / "_" / "-")
/// Writes an object id without parentheses.
pub fn push_object_id(out: &mut BytesMut, id: ObjectId) {
    out.extend_from_slice(match id.kind {
        ObjectKind::Mailbox => b"F",
        ObjectKind::Email => b"M",
        ObjectKind::Thread => b"T",
    });
    number(out, id.number);
    if let Some(owner) = id.owner {
        out.extend_from_slice(b"-");
        number(out, owner);
    }
}

/// An untagged response (or, in a push, a line of its content).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<'a> {
    /// RFC 9051 §7.2.2
    Capability(&'a [Cow<'static, str>]),
    /// RFC 9051 §7.2.1
    Enabled(&'a [&'static str]),
    /// RFC 9051 §7.3.1
    List(ListLine<'a>),
    /// RFC 3501 §7.2.3
    Lsub(ListLine<'a>),
    /// RFC 9051 §7.3.4
    StatusOf(StatusLine<'a>),
    /// RFC 9051 §7.3.5; the flags as text.
    Flags(&'a [String]),
    /// RFC 9051 §7.4.1
    Exists(u32),
    /// RFC 3501 §7.3.2
    Recent(u32),
    /// RFC 9051 §7.5.1
    Expunge(u32),
    /// RFC 7162 §3.2.10: UIDs, not empty.
    Vanished(&'a NumberSet),
    /// RFC 7162 §3.2.10.1: UIDs that were gone before, not empty.
    VanishedEarlier(&'a NumberSet),
    /// RFC 3501 §7.2.5, RFC 7162 §3.1.5
    Search {
        /// The matches.
        numbers: &'a [u32],
        /// The highest MODSEQ among them, if the search had MODSEQ.
        modseq: Option<u64>,
    },
    /// RFC 5256 §4, RFC 7162 §3.1.5: as SEARCH, in the order that was asked for.
    Sort {
        /// The matches.
        numbers: &'a [u32],
        /// The highest MODSEQ among them, if the search had MODSEQ.
        modseq: Option<u64>,
    },
    /// RFC 5256 §4
    Thread(&'a Threads),
    /// RFC 9051 §7.3.4
    ESearch(ESearchLine<'a>),
    /// RFC 9051 §6.3.10: one personal namespace and one of other users, `/` between levels.
    Namespace,
    /// RFC 4314 §3.6
    Acl {
        /// The mailbox in UTF-8.
        mailbox: &'a str,
        /// Identifiers with their rights.
        entries: &'a [(String, String)],
    },
    /// RFC 4314 §3.7
    ListRights(ListRightsLine<'a>),
    /// RFC 4314 §3.8
    MyRights {
        /// The mailbox in UTF-8.
        mailbox: &'a str,
        /// The rights' letters.
        rights: &'a str,
    },
    /// RFC 5464 §4.4
    Metadata(MetadataLine<'a>),
    /// RFC 9208 §4.2.1
    Quota(QuotaLine<'a>),
    /// RFC 9208 §4.2.2
    QuotaRoot {
        /// The mailbox in UTF-8.
        mailbox: &'a str,
        /// Its quota root, if it has one.
        root: Option<&'a str>,
    },
    /// RFC 9698 §4: the URL of JMAP's session resource.
    JmapAccess(&'a str),
    /// RFC 2971 §3.2
    Id(&'a [(&'static str, &'a str)]),
    /// draft-gougeon-imap-webpush §6: the server's public key in base64url.
    Vapid(&'a str),
    /// draft-gougeon-imap-webpush §6
    WebPush {
        /// The client's id.
        id: &'a str,
        /// The endpoint.
        endpoint: &'a str,
        /// Seconds of silence that remain; `None`: inactive.
        duration: Option<u32>,
    },
    /// XAPPLEPUSHSERVICE: what pushes are sent as.
    ApplePush {
        /// The topic.
        topic: &'a str,
    },
    /// draft-gougeon-imap-webpush §6, pushes only: the mailbox that the next lines are about.
    Select(&'a str),
    /// draft-gougeon-imap-webpush §6, pushes only.
    AckWebPush(&'a str),
    /// draft-gougeon-imap-webpush §6, pushes only: with the first word of the response that it stands for.
    Sync(Option<&'a str>),
}

/// LIST, LSUB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListLine<'a> {
    /// Attributes with their backslash.
    pub attributes: &'a [&'static str],
    /// The name in UTF-8.
    pub name: &'a str,
    /// RFC 5258 §3.5: selection options that children match.
    pub child_info: &'a [&'static str],
    /// RFC 9051 §6.3.9.7: the name before a rename, in UTF-8.
    pub old_name: Option<&'a str>,
}

/// STATUS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusLine<'a> {
    /// The name in UTF-8.
    pub name: &'a str,
    /// What is told, in order.
    pub values: &'a [(StatusItem, u64)],
    /// The owner's number, unless it is the user.
    pub owner: Option<u64>,
}

impl Response<'_> {
    /// Writes `* ..` CRLF, with mailbox names as this client reads them.
    pub fn encode(&self, out: &mut BytesMut, names: Names) {
        out.extend_from_slice(b"* ");
        match self {
            Self::Capability(capabilities) => push_words(out, "CAPABILITY", capabilities),
            Self::Enabled(capabilities) => push_words(out, "ENABLED", capabilities),
            Self::List(line) => push_list(out, b"LIST", line, names),
            Self::Lsub(line) => push_list(out, b"LSUB", line, names),
            Self::StatusOf(line) => push_status(out, line, names),
            Self::Flags(flags) => {
                out.extend_from_slice(b"FLAGS ");
                push_flag_list(out, flags.iter().map(String::as_str));
            }
            Self::Exists(count) => push_counted(out, *count, b"EXISTS"),
            Self::Recent(count) => push_counted(out, *count, b"RECENT"),
            Self::Expunge(seq) => push_counted(out, *seq, b"EXPUNGE"),
            Self::Vanished(uids) => push_set(out, b"VANISHED ", uids),
            Self::VanishedEarlier(uids) => push_set(out, b"VANISHED (EARLIER) ", uids),
            Self::Search { numbers, modseq } => push_search(out, b"SEARCH", numbers, *modseq),
            Self::Sort { numbers, modseq } => push_search(out, b"SORT", numbers, *modseq),
            Self::Thread(threads) => threads.encode(out),
            Self::ESearch(line) => line.encode(out, names),
            Self::Namespace => {
                out.extend_from_slice(b"NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL")
            }
            Self::Acl { mailbox, entries } => push_acl(out, mailbox, entries, names),
            Self::ListRights(line) => push_list_rights(out, line, names),
            Self::MyRights { mailbox, rights } => push_my_rights(out, mailbox, rights, names),
            Self::Metadata(line) => push_metadata(out, line, names),
            Self::Quota(line) => push_quota(out, line, names),
            Self::QuotaRoot { mailbox, root } => push_quota_root(out, mailbox, *root, names),
            // resp-jmapaccess = "JMAPACCESS" SP quoted
            Self::JmapAccess(url) => {
                out.extend_from_slice(b"JMAPACCESS ");
                encode::string(out, url.as_bytes(), Quoting::Ascii);
            }
            Self::Id(pairs) => push_id(out, pairs),
            other => other.encode_webpush(out, names),
        }
        out.extend_from_slice(b"\r\n");
    }

    fn encode_webpush(&self, out: &mut BytesMut, names: Names) {
        match self {
            Self::Vapid(key) => push_words(out, "VAPID", &[*key]),
            Self::AckWebPush(token) => push_words(out, "ACKWEBPUSH", &[*token]),
            Self::WebPush { id, endpoint, duration } => {
                push_words(out, "WEBPUSH", &[*id, *endpoint]);
                out.extend_from_slice(b" ");
                match duration {
                    Some(seconds) => number(out, u64::from(*seconds)),
                    None => out.extend_from_slice(b"NIL"),
                }
            }
            Self::Select(mailbox) => {
                out.extend_from_slice(b"SELECT ");
                encode::mailbox(out, mailbox, names);
            }
            Self::ApplePush { topic } => {
                out.extend_from_slice(b"XAPPLEPUSHSERVICE aps-version \"2\" aps-topic ");
                encode::string(out, topic.as_bytes(), Quoting::Ascii);
            }
            Self::Sync(word) => push_words(out, "SYNC", word.as_slice()),
            _ => {}
        }
    }
}

/// Writes words with spaces between.
pub(crate) fn push_words<W: AsRef<str>>(out: &mut BytesMut, first: &str, rest: &[W]) {
    out.extend_from_slice(first.as_bytes());
    for word in rest {
        out.extend_from_slice(b" ");
        out.extend_from_slice(word.as_ref().as_bytes());
    }
}

fn push_set(out: &mut BytesMut, name: &[u8], uids: &NumberSet) {
    out.extend_from_slice(name);
    uids.encode(out);
}

fn push_counted(out: &mut BytesMut, count: u32, name: &[u8]) {
    number(out, u64::from(count));
    out.extend_from_slice(b" ");
    out.extend_from_slice(name);
}

// mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended]
fn push_list(out: &mut BytesMut, word: &[u8], line: &ListLine<'_>, names: Names) {
    out.extend_from_slice(word);
    out.extend_from_slice(b" ");
    push_flag_list(out, line.attributes.iter().copied());
    out.extend_from_slice(b" \"/\" ");
    encode::mailbox(out, line.name, names);
    if !line.child_info.is_empty() || line.old_name.is_some() {
        out.extend_from_slice(b" (");
        if !line.child_info.is_empty() {
            out.extend_from_slice(b"\"CHILDINFO\" (");
            for (index, option) in line.child_info.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b"\"" } else { b" \"" });
                out.extend_from_slice(option.as_bytes());
                out.extend_from_slice(b"\"");
            }
            out.extend_from_slice(b")");
        }
        if let Some(old_name) = line.old_name {
            let space: &[u8] = if line.child_info.is_empty() { b"" } else { b" " };
            out.extend_from_slice(space);
            out.extend_from_slice(b"\"OLDNAME\" (");
            encode::mailbox(out, old_name, names);
            out.extend_from_slice(b")");
        }
        out.extend_from_slice(b")");
    }
}

// mailbox-data =/ "STATUS" SP mailbox SP "(" [status-att-list] ")"
fn push_status(out: &mut BytesMut, line: &StatusLine<'_>, names: Names) {
    out.extend_from_slice(b"STATUS ");
    encode::mailbox(out, line.name, names);
    out.extend_from_slice(b" (");
    for (index, &(item, value)) in line.values.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b" ");
        }
        let name: &[u8] = match item {
            StatusItem::Messages => b"MESSAGES ",
            StatusItem::Recent => b"RECENT ",
            StatusItem::UidNext => b"UIDNEXT ",
            StatusItem::UidValidity => b"UIDVALIDITY ",
            StatusItem::Unseen => b"UNSEEN ",
            StatusItem::Deleted => b"DELETED ",
            StatusItem::Size => b"SIZE ",
            StatusItem::HighestModSeq => b"HIGHESTMODSEQ ",
            StatusItem::MailboxId => b"MAILBOXID (",
            StatusItem::DeletedStorage => b"DELETED-STORAGE ",
            StatusItem::AppendLimit => b"APPENDLIMIT ",
        };
        out.extend_from_slice(name);
        if item == StatusItem::MailboxId {
            push_object_id(out, ObjectId { kind: ObjectKind::Mailbox, number: value, owner: line.owner });
            out.extend_from_slice(b")");
        } else {
            number(out, value);
        }
    }
    out.extend_from_slice(b")");
}

fn push_search(out: &mut BytesMut, name: &[u8], numbers: &[u32], modseq: Option<u64>) {
    out.extend_from_slice(name);
    for &value in numbers {
        out.extend_from_slice(b" ");
        number(out, u64::from(value));
    }
    if let Some(modseq) = modseq {
        out.extend_from_slice(b" (MODSEQ ");
        number(out, modseq);
        out.extend_from_slice(b")");
    }
}

fn push_id(out: &mut BytesMut, pairs: &[(&'static str, &str)]) {
    out.extend_from_slice(b"ID (");
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b" ");
        }
        encode::string(out, name.as_bytes(), Quoting::Ascii);
        out.extend_from_slice(b" ");
        encode::string(out, value.as_bytes(), Quoting::Ascii);
    }
    out.extend_from_slice(b")");
}

#[cfg(test)]
mod tests;
