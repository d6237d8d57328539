//! ESEARCH, the command: SEARCH in several mailboxes (RFC 7377 §2 and §4).

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed};
use crate::wire::notify::{MailboxFilter, one_or_more_mailbox};
use crate::wire::search::{SearchProgram, SearchReturn, program, returns};

/// Most sources in one ESEARCH; more are BAD.
pub const SOURCES_MAX: usize = 256;

/// ESEARCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiSearch {
    /// Where to search: in each mailbox that one of them means.
    pub sources: Vec<SearchSource>,
    /// What to tell of each mailbox; `None` for all numbers.
    pub returns: Option<Vec<SearchReturn>>,
    /// What to look for, unless the charset is unknown.
    pub program: SearchProgram,
}

/// Where to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchSource {
    /// The selected mailbox.
    Selected,
    /// The mailboxes that NOTIFY would mean.
    Filter(MailboxFilter),
    /// These and those right below them, in UTF-8.
    SubtreeOne(Vec<String>),
}

// esearch = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program
// esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
/// The arguments of ESEARCH. No scope option has been defined yet.
pub fn multi_search(cursor: &mut Cursor<'_>) -> Parsed<MultiSearch> {
    // RFC 7377 §2.2: without IN the selected mailbox is meant.
    let mut sources = vec![SearchSource::Selected];
    if cursor.eat_text("IN ") {
        sources = cursor.list(ListBounds { max: SOURCES_MAX, empty: Empty::Refused }, source)?;
        cursor.sp()?;
    }
    Ok(MultiSearch { sources, returns: returns(cursor)?, program: program(cursor)? })
}

// source-mbox = filter-mailboxes *(SP filter-mailboxes)
// filter-mailboxes-other =/ ("subtree-one" SP one-or-more-mailbox)
fn source(cursor: &mut Cursor<'_>) -> Parsed<SearchSource> {
    let start = cursor.clone();
    Ok(match cursor.keyword("a mailbox specifier")?.as_str() {
        "SELECTED" => SearchSource::Selected,
        "INBOXES" => SearchSource::Filter(MailboxFilter::Inboxes),
        "PERSONAL" => SearchSource::Filter(MailboxFilter::Personal),
        "SUBSCRIBED" => SearchSource::Filter(MailboxFilter::Subscribed),
        "SUBTREE" => SearchSource::Filter(MailboxFilter::Subtree(one_or_more_mailbox(cursor)?)),
        "SUBTREE-ONE" => SearchSource::SubtreeOne(one_or_more_mailbox(cursor)?),
        "MAILBOXES" => SearchSource::Filter(MailboxFilter::Mailboxes(one_or_more_mailbox(cursor)?)),
        // RFC 7377 §2.2: selected-delayed has no place here.
        _ => return Err(start.invalid("there is no such mailbox specifier")),
    })
}

#[cfg(test)]
mod tests;
