//! LIST with its extensions, and STATUS items (RFC 9051 §6.3.9 and §6.3.11, RFC 5258, RFC 5819, RFC 6154, RFC 8440,
//! RFC 9590).

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed};
use crate::wire::mailbox::{pattern, reference};
use crate::wire::metadata::entries;

/// Most patterns in one LIST; more are BAD.
pub const LIST_PATTERNS_MAX: usize = 64;
/// Most options in one list of options; more are BAD.
pub const OPTIONS_MAX: usize = 32;

/// LIST in its basic and its extended form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Selection options; empty in the basic form.
    pub select: Vec<ListSelect>,
    /// Put before each pattern.
    pub reference: String,
    /// At least one pattern.
    pub patterns: Vec<String>,
    /// Return options; empty in the basic form.
    pub returns: Vec<ListReturn>,
    /// Which grammar the client used: only an extended answer may hold `\NonExistent` and CHILDINFO.
    pub form: ListForm,
}

/// Whether LIST was written in the extended grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// RFC 3501: reference and one pattern. An empty pattern asks for the hierarchy delimiter.
    Basic,
    /// RFC 5258: options, or several patterns.
    Extended,
}

/// Which mailboxes are selected (RFC 5258 §3.1, RFC 6154 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListSelect {
    /// Subscribed ones, existing or not.
    Subscribed,
    /// Also remote ones: there are none.
    Remote,
    /// Also parents of those that match, with CHILDINFO.
    RecursiveMatch,
    /// Only those with a special use.
    SpecialUse,
}

/// What is said about each mailbox (RFC 5258 §3.2, RFC 5819, RFC 6154 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListReturn {
    /// `\Subscribed`
    Subscribed,
    /// `\HasChildren` or `\HasNoChildren`
    Children,
    /// `\Sent` and the like
    SpecialUse,
    /// One STATUS response each.
    Status(Vec<StatusItem>),
    /// RFC 8440: one MYRIGHTS response each.
    MyRights,
    /// RFC 9590: one METADATA response each, with these entries, as [`crate::wire::metadata`] names them.
    Metadata(Vec<String>),
}

/// What STATUS tells (RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 7889 §4, RFC 8474 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusItem {
    /// Number of messages.
    Messages,
    /// Always 0 here (RFC 3501).
    Recent,
    /// The next UID.
    UidNext,
    /// The UIDVALIDITY.
    UidValidity,
    /// Number of messages without `\Seen`.
    Unseen,
    /// Number of messages with `\Deleted`.
    Deleted,
    /// Sum of all RFC822.SIZEs.
    Size,
    /// Highest MODSEQ; asking for it enables CONDSTORE.
    HighestModSeq,
    /// The mailbox's id.
    MailboxId,
    /// RFC 9208 §4.1.4: octets that EXPUNGE would free.
    DeletedStorage,
    /// RFC 7889 §4: the largest message that can be appended.
    AppendLimit,
}

// list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
/// The arguments of LIST.
pub fn list(cursor: &mut Cursor<'_>) -> Parsed<List> {
    let mut form = ListForm::Basic;
    let mut select = Vec::new();
    if cursor.peek() == Some(b'(') {
        form = ListForm::Extended;
        select = select_options(cursor)?;
        cursor.sp()?;
    }
    let reference = reference(cursor)?;
    cursor.sp()?;
    // mbox-or-pat = list-mailbox / patterns
    let patterns = if cursor.peek() == Some(b'(') {
        form = ListForm::Extended;
        cursor.list(ListBounds { max: LIST_PATTERNS_MAX, empty: Empty::Refused }, pattern)?
    } else {
        vec![pattern(cursor)?]
    };
    let mut returns = Vec::new();
    if cursor.eat(b' ') {
        form = ListForm::Extended;
        if !cursor.eat_text("RETURN ") {
            return Err(cursor.expected("RETURN"));
        }
        returns = cursor.list(OPTIONS, return_option)?;
    }
    cursor.end()?;
    Ok(List { select, reference, patterns, returns, form })
}

// list-select-opts = "(" [*(list-select-opt SP) list-select-base-opt *(SP list-select-opt)
//                    / list-select-independent-opt *(SP list-select-independent-opt)] ")"
fn select_options(cursor: &mut Cursor<'_>) -> Parsed<Vec<ListSelect>> {
    let start = cursor.clone();
    let options = cursor.list(OPTIONS, |cursor| {
        let start = cursor.clone();
        match cursor.keyword("a selection option")?.as_str() {
            "SUBSCRIBED" => Ok(ListSelect::Subscribed),
            "REMOTE" => Ok(ListSelect::Remote),
            "RECURSIVEMATCH" => Ok(ListSelect::RecursiveMatch),
            "SPECIAL-USE" => Ok(ListSelect::SpecialUse),
            _ => Err(start.invalid("there is no such selection option")),
        }
    })?;
    // RFC 5258 §3.1: RECURSIVEMATCH modifies another option and means nothing alone (or with REMOTE).
    let has_base = options.iter().any(|o| matches!(o, ListSelect::Subscribed | ListSelect::SpecialUse));
    if options.contains(&ListSelect::RecursiveMatch) && !has_base {
        return Err(start.invalid("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it"));
    }
    Ok(options)
}

// return-option = "SUBSCRIBED" / "CHILDREN" / status-option / option-extension
fn return_option(cursor: &mut Cursor<'_>) -> Parsed<ListReturn> {
    let start = cursor.clone();
    match cursor.keyword("a return option")?.as_str() {
        "SUBSCRIBED" => Ok(ListReturn::Subscribed),
        "CHILDREN" => Ok(ListReturn::Children),
        "SPECIAL-USE" => Ok(ListReturn::SpecialUse),
        "MYRIGHTS" => Ok(ListReturn::MyRights),
        "STATUS" => {
            cursor.sp()?;
            status_items(cursor).map(ListReturn::Status)
        }
        // return-option =/ "METADATA" SP entries
        "METADATA" => {
            cursor.sp()?;
            entries(cursor).map(ListReturn::Metadata)
        }
        _ => Err(start.invalid("there is no such return option")),
    }
}

// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
/// The list of STATUS items.
pub fn status_items(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    cursor.list(ListBounds { max: OPTIONS_MAX, empty: Empty::Refused }, |cursor| {
        let start = cursor.clone();
        match cursor.keyword("a status item")?.as_str() {
            "MESSAGES" => Ok(StatusItem::Messages),
            "RECENT" => Ok(StatusItem::Recent),
            "UIDNEXT" => Ok(StatusItem::UidNext),
            "UIDVALIDITY" => Ok(StatusItem::UidValidity),
            "UNSEEN" => Ok(StatusItem::Unseen),
            "DELETED" => Ok(StatusItem::Deleted),
            "SIZE" => Ok(StatusItem::Size),
            "HIGHESTMODSEQ" => Ok(StatusItem::HighestModSeq),
            "MAILBOXID" => Ok(StatusItem::MailboxId),
            "DELETED-STORAGE" => Ok(StatusItem::DeletedStorage),
            "APPENDLIMIT" => Ok(StatusItem::AppendLimit),
            _ => Err(start.invalid("there is no such status item")),
        }
    })
}

const OPTIONS: ListBounds = ListBounds { max: OPTIONS_MAX, empty: Empty::Allowed };
