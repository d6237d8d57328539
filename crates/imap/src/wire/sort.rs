//! SORT: in which order a client wants what it looks for (RFC 5256 §3, RFC 5957 §4, RFC 5267 §3).

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed};
use crate::wire::search::{SearchProgram, SearchReturn, program_in, returns};
use crate::wire::set::Numbering;

/// Most criteria of one SORT; more are BAD.
pub const SORT_CRITERIA_MAX: usize = 16;

/// SORT and UID SORT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// What the answer's numbers are.
    pub numbering: Numbering,
    /// RFC 5267 §3.1: what to tell; `None` for the SORT response.
    pub returns: Option<Vec<SearchReturn>>,
    /// The order, the strongest criterion first.
    pub criteria: Vec<SortCriterion>,
    /// What to look for, unless the charset is unknown.
    pub program: SearchProgram,
}

/// One criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortCriterion {
    /// What is compared.
    pub key: SortKey,
    /// Which comes first.
    pub direction: SortDirection,
}

/// Which comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortDirection {
    /// The smaller one.
    Rising,
    /// `REVERSE`: the larger one.
    Falling,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// INTERNALDATE
    Arrival,
    /// The mailbox of the first `Cc` address.
    Cc,
    /// The sent date.
    Date,
    /// RFC 5957 §4: the display of the first `From` address.
    DisplayFrom,
    /// RFC 5957 §4: the display of the first `To` address.
    DisplayTo,
    /// The mailbox of the first `From` address.
    From,
    /// RFC822.SIZE
    Size,
    /// The base subject.
    Subject,
    /// The mailbox of the first `To` address.
    To,
}

// sort = "SORT" [search-return-opts] SP sort-criteria SP search-criteria
// sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"
/// The arguments of SORT.
pub fn sort(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Sort> {
    let returns = returns(cursor)?;
    let criteria = cursor.list(ListBounds { max: SORT_CRITERIA_MAX, empty: Empty::Refused }, criterion)?;
    cursor.sp()?;
    let program = search_criteria(cursor)?;
    Ok(Sort { numbering, returns, criteria, program })
}

// search-criteria = charset 1*(SP search-key)
/// The charset, which is not optional here, and the keys.
pub fn search_criteria(cursor: &mut Cursor<'_>) -> Parsed<SearchProgram> {
    let charset = cursor.astring_text()?;
    cursor.sp()?;
    program_in(cursor, &charset)
}

// sort-criterion = ["REVERSE" SP] sort-key
fn criterion(cursor: &mut Cursor<'_>) -> Parsed<SortCriterion> {
    let direction = if cursor.eat_text("REVERSE ") { SortDirection::Falling } else { SortDirection::Rising };
    let start = cursor.clone();
    let key = match cursor.keyword("a sort key")?.as_str() {
        "ARRIVAL" => SortKey::Arrival,
        "CC" => SortKey::Cc,
        "DATE" => SortKey::Date,
        "DISPLAYFROM" => SortKey::DisplayFrom,
        "DISPLAYTO" => SortKey::DisplayTo,
        "FROM" => SortKey::From,
        "SIZE" => SortKey::Size,
        "SUBJECT" => SortKey::Subject,
        "TO" => SortKey::To,
        _ => return Err(start.invalid("there is no such sort key")),
    };
    Ok(SortCriterion { key, direction })
}

#[cfg(test)]
mod tests;
