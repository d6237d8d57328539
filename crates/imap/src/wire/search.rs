//! SEARCH: which messages a client looks for (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731, RFC 5032, RFC 5182,
//! RFC 5267 §4, RFC 7162 §3.1.5, RFC 8474 §6, RFC 8514 §4, RFC 9394 §3.1, RFC 9738 §3.2).

use crate::wire::command::Tag;
use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed, is_astring_char};
use crate::wire::date::Date;
use crate::wire::flag::{Flag, keyword};
use crate::wire::partial::PartialRange;
use crate::wire::set::{Numbering, SeqSet};

/// Deepest nesting of NOT, OR and parentheses; deeper ones are BAD.
pub const SEARCH_DEPTH_MAX: usize = 32;
/// Most keys in one SEARCH, nested ones included; more are BAD.
pub const SEARCH_KEYS_MAX: usize = 1024;
/// Most tags in one CANCELUPDATE; more are BAD.
pub const CANCELLED_MAX: usize = 256;

/// SEARCH and UID SEARCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What the answer's numbers are.
    pub numbering: Numbering,
    /// RFC 4731: what to tell; `None` for the SEARCH response of RFC 3501.
    pub returns: Option<Vec<SearchReturn>>,
    /// What to look for, unless the charset is unknown.
    pub program: SearchProgram,
}

/// What SEARCH looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchProgram {
    /// The keys: all of them must hold.
    Keys(Vec<SearchKey>),
    /// CHARSET named one that this server does not know: NO [BADCHARSET].
    UnknownCharset,
}

impl SearchProgram {
    /// Whether its keys name messages by sequence number.
    #[must_use]
    pub fn names_numbers(&self) -> bool {
        match self {
            Self::Keys(keys) => keys.iter().any(SearchKey::names_numbers),
            Self::UnknownCharset => false,
        }
    }
}

/// A result option (RFC 4731 §3.1). `RETURN ()` is `RETURN (ALL)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchReturn {
    /// The lowest number.
    Min,
    /// The highest number.
    Max,
    /// All numbers, as a sequence set.
    All,
    /// How many.
    Count,
    /// RFC 5182 §2.1: the result is to be what `$` is.
    Save,
    /// RFC 9394 §3.1: a page of all numbers.
    Partial(PartialRange),
    /// RFC 5267 §4.3: what changes in the result later.
    Update,
}

/// What must hold of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey {
    /// Always.
    All,
    /// The flag is set.
    Has(Flag),
    /// The flag is not set.
    Lacks(Flag),
    /// Never: `RECENT`, `NEW` (no message is `\Recent` here).
    Nothing,
    /// Its number is in the set.
    Seq(SeqSet),
    /// Its UID is in the set.
    Uid(SeqSet),
    /// A header field holds the text; an empty one only has to be there.
    Header {
        /// The field's name.
        name: String,
        /// The text.
        value: String,
    },
    /// An address or a display name of this field holds the text, or the subject does.
    Field(EnvelopeField, String),
    /// The body holds the text.
    Body(String),
    /// The header or the body holds the text.
    Text(String),
    /// INTERNALDATE, its day in UTC.
    Arrived(DateTest, Date),
    /// RFC 5032 §2.1: INTERNALDATE is so many seconds ago, or more.
    Older(u32),
    /// RFC 5032 §2.1: INTERNALDATE is so many seconds ago, or less.
    Younger(u32),
    /// RFC 8514 §4.1: the day in UTC on which it came into the mailbox.
    Saved(DateTest, Date),
    /// The day of the Date header, zone disregarded.
    Sent(DateTest, Date),
    /// RFC822.SIZE is above this.
    Larger(u64),
    /// RFC822.SIZE is below this.
    Smaller(u64),
    /// RFC 7162 §3.1.5: MODSEQ is at least this.
    ModSeq(u64),
    /// RFC 8474 §6
    EmailId(String),
    /// RFC 8474 §6
    ThreadId(String),
    /// Not.
    Not(Box<SearchKey>),
    /// Either.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// All of them.
    And(Vec<SearchKey>),
}

impl SearchKey {
    /// Whether a sequence number occurs in it.
    #[must_use]
    pub fn names_numbers(&self) -> bool {
        match self {
            // RFC 5182 §2.1: `$` names no number.
            Self::Seq(set) => !set.is_saved(),
            Self::Not(key) => key.names_numbers(),
            Self::Or(a, b) => a.names_numbers() || b.names_numbers(),
            Self::And(keys) => keys.iter().any(Self::names_numbers),
            _ => false,
        }
    }

    /// Whether MODSEQ occurs in it, which enables CONDSTORE (RFC 7162 §3.1.5).
    #[must_use]
    pub fn has_modseq(&self) -> bool {
        match self {
            Self::ModSeq(_) => true,
            Self::Not(key) => key.has_modseq(),
            Self::Or(a, b) => a.has_modseq() || b.has_modseq(),
            Self::And(keys) => keys.iter().any(Self::has_modseq),
            _ => false,
        }
    }
}

/// The header fields with a search key of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeField {
    /// `BCC`
    Bcc,
    /// `CC`
    Cc,
    /// `FROM`
    From,
    /// `SUBJECT`
    Subject,
    /// `TO`
    To,
}

/// How a day is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateTest {
    /// Earlier than.
    Before,
    /// Within.
    On,
    /// Within or later than.
    Since,
}

// search = "SEARCH" [search-return-opts] SP search-program
/// The arguments of SEARCH.
pub fn search(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Search> {
    let returns = returns(cursor)?;
    let program = program(cursor)?;
    Ok(Search { numbering, returns, program })
}

// search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)
/// The keys, with or without a charset before them, up to the end of the command.
pub fn program(cursor: &mut Cursor<'_>) -> Parsed<SearchProgram> {
    if !cursor.eat_text("CHARSET ") {
        return keys(cursor).map(SearchProgram::Keys);
    }
    let charset = cursor.astring_text()?;
    cursor.sp()?;
    program_in(cursor, &charset)
}

/// The keys after a charset, up to the end of the command.
pub fn program_in(cursor: &mut Cursor<'_>, charset: &str) -> Parsed<SearchProgram> {
    if ["US-ASCII", "UTF-8"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
        return keys(cursor).map(SearchProgram::Keys);
    }
    // The rest can't be read without its charset.
    cursor.skip_rest();
    Ok(SearchProgram::UnknownCharset)
}

fn keys(cursor: &mut Cursor<'_>) -> Parsed<Vec<SearchKey>> {
    let mut parser = KeyParser { keys: 0 };
    let mut keys = vec![parser.key(cursor, 0)?];
    while cursor.eat(b' ') {
        keys.push(parser.key(cursor, 0)?);
    }
    cursor.end()?;
    Ok(keys)
}

// search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
// search-return-opt =/ "SAVE" / modifier-context / modifier-partial / modifier-update
// modifier-partial = "PARTIAL" SP partial-range
/// The result options with the space after them, if they are there.
pub fn returns(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<SearchReturn>>> {
    if !cursor.eat_text("RETURN ") {
        return Ok(None);
    }
    let start = cursor.clone();
    let options = cursor.list(ListBounds { max: 16, empty: Empty::Allowed }, |cursor| {
        let start = cursor.clone();
        Ok(Some(match cursor.keyword("a result option")?.as_str() {
            "MIN" => SearchReturn::Min,
            "MAX" => SearchReturn::Max,
            "ALL" => SearchReturn::All,
            "COUNT" => SearchReturn::Count,
            "SAVE" => SearchReturn::Save,
            "PARTIAL" => argument(cursor, PartialRange::parse).map(SearchReturn::Partial)?,
            "UPDATE" => SearchReturn::Update,
            // RFC 5267 §4.2: a hint, which asks for nothing.
            "CONTEXT" => return Ok(None),
            _ => return Err(start.invalid("there is no such result option")),
        }))
    })?;
    let mut options: Vec<SearchReturn> = options.into_iter().flatten().collect();
    if options.is_empty() {
        options.push(SearchReturn::All);
    }
    // RFC 9394 §3.1: one page, or everything, or neither.
    let listings =
        options.iter().filter(|option| matches!(option, SearchReturn::All | SearchReturn::Partial(_)));
    let has_partial = options.iter().any(|option| matches!(option, SearchReturn::Partial(_)));
    if has_partial && listings.count() > 1 {
        return Err(start.invalid("PARTIAL goes neither with ALL nor with another PARTIAL"));
    }
    cursor.sp()?;
    Ok(Some(options))
}

// command-select =/ "CANCELUPDATE" 1*(SP quoted)   (RFC 5267 §5)
/// The tags of CANCELUPDATE.
pub fn cancel_update(cursor: &mut Cursor<'_>) -> Parsed<Vec<Tag>> {
    let mut tags = Vec::new();
    loop {
        if tags.len() == CANCELLED_MAX {
            return Err(cursor.invalid("there are too many tags"));
        }
        if cursor.peek() != Some(b'"') {
            return Err(cursor.expected("a tag in quotes"));
        }
        tags.push(Tag(cursor.string()?));
        if !cursor.eat(b' ') {
            break;
        }
    }
    cursor.end()?;
    Ok(tags)
}

/// Counts the keys of one SEARCH, which bounds its memory and its time.
struct KeyParser {
    keys: usize,
}

impl KeyParser {
    // search-key = "ALL" / "ANSWERED" / .. / sequence-set / "(" search-key *(SP search-key) ")"
    fn key(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<SearchKey> {
        self.keys += 1;
        if self.keys > SEARCH_KEYS_MAX {
            return Err(cursor.invalid("the search has too many keys"));
        }
        if depth > SEARCH_DEPTH_MAX {
            return Err(cursor.invalid("the search is nested too deep"));
        }
        if cursor.peek() == Some(b'(') {
            let bounds = ListBounds { max: SEARCH_KEYS_MAX, empty: Empty::Refused };
            return cursor.list(bounds, |cursor| self.key(cursor, depth + 1)).map(SearchKey::And);
        }
        if SeqSet::begins(cursor) {
            return SeqSet::parse(cursor).map(SearchKey::Seq);
        }
        let start = cursor.clone();
        let word = cursor.keyword("a search key")?;
        if let Some(key) = flag_key(word.as_str()) {
            return Ok(key);
        }
        match word.as_str() {
            "NOT" => {
                cursor.sp()?;
                Ok(SearchKey::Not(Box::new(self.key(cursor, depth + 1)?)))
            }
            "OR" => {
                cursor.sp()?;
                let one = self.key(cursor, depth + 1)?;
                cursor.sp()?;
                let other = self.key(cursor, depth + 1)?;
                Ok(SearchKey::Or(Box::new(one), Box::new(other)))
            }
            word => match key_with_argument(cursor, word) {
                Some(key) => key,
                None => Err(start.invalid("there is no such search key")),
            },
        }
    }
}

/// The keys without an argument.
fn flag_key(word: &str) -> Option<SearchKey> {
    use SearchKey::{All, Has, Lacks, Nothing};
    Some(match word {
        "ALL" => All,
        "ANSWERED" => Has(Flag::Answered),
        "DELETED" => Has(Flag::Deleted),
        "DRAFT" => Has(Flag::Draft),
        "FLAGGED" => Has(Flag::Flagged),
        "SEEN" => Has(Flag::Seen),
        "UNANSWERED" => Lacks(Flag::Answered),
        "UNDELETED" => Lacks(Flag::Deleted),
        "UNDRAFT" => Lacks(Flag::Draft),
        "UNFLAGGED" => Lacks(Flag::Flagged),
        "UNSEEN" => Lacks(Flag::Seen),
        // RFC 3501 §6.4.4: NEW is RECENT UNSEEN, OLD is NOT RECENT.
        "NEW" | "RECENT" => Nothing,
        "OLD" => All,
        // RFC 8514 §4.1: every mailbox here knows when a message came into it.
        "SAVEDATESUPPORTED" => All,
        _ => return None,
    })
}

/// The keys with a space and an argument after them; `None` if there is no such key.
fn key_with_argument(cursor: &mut Cursor<'_>, word: &str) -> Option<Parsed<SearchKey>> {
    use DateTest::{Before, On, Since};
    Some(match word {
        "BCC" => field(cursor, EnvelopeField::Bcc),
        "CC" => field(cursor, EnvelopeField::Cc),
        "FROM" => field(cursor, EnvelopeField::From),
        "SUBJECT" => field(cursor, EnvelopeField::Subject),
        "TO" => field(cursor, EnvelopeField::To),
        "BODY" => argument(cursor, Cursor::astring_text).map(SearchKey::Body),
        "TEXT" => argument(cursor, Cursor::astring_text).map(SearchKey::Text),
        "HEADER" => header(cursor),
        "KEYWORD" => argument(cursor, keyword).map(|k| SearchKey::Has(Flag::Keyword(k))),
        "UNKEYWORD" => argument(cursor, keyword).map(|k| SearchKey::Lacks(Flag::Keyword(k))),
        "BEFORE" => argument(cursor, Date::parse).map(|day| SearchKey::Arrived(Before, day)),
        "ON" => argument(cursor, Date::parse).map(|day| SearchKey::Arrived(On, day)),
        "SINCE" => argument(cursor, Date::parse).map(|day| SearchKey::Arrived(Since, day)),
        "SENTBEFORE" => argument(cursor, Date::parse).map(|day| SearchKey::Sent(Before, day)),
        "SENTON" => argument(cursor, Date::parse).map(|day| SearchKey::Sent(On, day)),
        "SENTSINCE" => argument(cursor, Date::parse).map(|day| SearchKey::Sent(Since, day)),
        "OLDER" => argument(cursor, Cursor::nz_number).map(SearchKey::Older),
        "YOUNGER" => argument(cursor, Cursor::nz_number).map(SearchKey::Younger),
        "SAVEDBEFORE" => argument(cursor, Date::parse).map(|day| SearchKey::Saved(Before, day)),
        "SAVEDON" => argument(cursor, Date::parse).map(|day| SearchKey::Saved(On, day)),
        "SAVEDSINCE" => argument(cursor, Date::parse).map(|day| SearchKey::Saved(Since, day)),
        "LARGER" => argument(cursor, Cursor::number64).map(SearchKey::Larger),
        "SMALLER" => argument(cursor, Cursor::number64).map(SearchKey::Smaller),
        "UID" => argument(cursor, SeqSet::parse).map(SearchKey::Uid),
        "UIDAFTER" => argument(cursor, Cursor::nz_number).map(|uid| uids(uid.checked_add(1), Some(u32::MAX))),
        "UIDBEFORE" => argument(cursor, Cursor::nz_number).map(|uid| uids(Some(1), uid.checked_sub(1))),
        "MODSEQ" => argument(cursor, modseq),
        "EMAILID" => argument(cursor, object_id).map(SearchKey::EmailId),
        "THREADID" => argument(cursor, object_id).map(SearchKey::ThreadId),
        _ => return None,
    })
}

// search-key =/ ("UIDAFTER" / "UIDBEFORE") SP uniqueid   (RFC 9738 §4)
fn uids(first: Option<u32>, last: Option<u32>) -> SearchKey {
    match (first, last) {
        (Some(first), Some(last)) if first <= last => SearchKey::Uid(SeqSet::between(first, last)),
        _ => SearchKey::Nothing,
    }
}

fn argument<'a, T>(cursor: &mut Cursor<'a>, parser: impl FnOnce(&mut Cursor<'a>) -> Parsed<T>) -> Parsed<T> {
    cursor.sp()?;
    parser(cursor)
}

fn field(cursor: &mut Cursor<'_>, field: EnvelopeField) -> Parsed<SearchKey> {
    argument(cursor, Cursor::astring_text).map(|text| SearchKey::Field(field, text))
}

// "HEADER" SP header-fld-name SP astring
fn header(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
    let name = argument(cursor, Cursor::astring_text)?;
    let value = argument(cursor, Cursor::astring_text)?;
    Ok(SearchKey::Header { name, value })
}

// search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer
// search-modseq-ext = SP entry-name SP entry-type-req
/// The entry (which flag's MODSEQ) is read and disregarded: RFC 7162 §3.1.5 lets a server keep one MODSEQ for
/// the whole message.
fn modseq(cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
    if cursor.peek() == Some(b'"') {
        cursor.string()?;
        cursor.sp()?;
        if !["priv", "shared", "all"].iter().any(|kind| cursor.eat_word(kind)) {
            return Err(cursor.expected("priv, shared or all"));
        }
        cursor.sp()?;
    }
    cursor.number64().map(SearchKey::ModSeq)
}

// objectid = 1*255(ALPHA / DIGIT / "_" / "-")
fn object_id(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let id = cursor.some(is_astring_char, "an object id")?;
    Ok(String::from_utf8_lossy(id).into_owned())
}

#[cfg(test)]
mod tests;
