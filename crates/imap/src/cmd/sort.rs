//! SORT and UID SORT (RFC 5256 §3, RFC 5957, RFC 5267 §3).
//!
//! Each message becomes the values that are compared, which are small; the messages themselves are read in batches.

use std::cmp::Ordering;

use store::{Columns, MessageRow};

use crate::cmd::aside::aside;
use crate::cmd::search::find::Finder;
use crate::cmd::search::progress::Progress;
use crate::cmd::search::results::{self, Results};
use crate::cmd::search::update::{self, Question};
use crate::cmd::search::{prepare, unknown_charset};
use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::wire::response::Response;
use crate::wire::search::{SearchProgram, SearchReturn};
use crate::wire::set::NumberSet;
use crate::wire::sort::{Sort, SortCriterion, SortDirection, SortKey};
use crate::wire::status::Status;

pub(crate) mod value;

use value::Value;

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, sort: Sort) -> Result<Done, Failure> {
    context.session.selected()?;
    let saves = sort.returns.as_ref().is_some_and(|returns| returns.contains(&SearchReturn::Save));
    let done = answer(context, sort).await;
    if saves {
        results::forget_saved_unless_ok(context, &done);
    }
    done
}

async fn answer(context: &mut Context<'_>, sort: Sort) -> Result<Done, Failure> {
    let asks_update = update::is_asked(context, sort.returns.as_deref())?;
    let SearchProgram::Keys(keys) = sort.program else { return Ok(unknown_charset()) };
    let has_modseq = prepare(context, &keys).await?;
    let question = if asks_update {
        Some(Question::new(context, (&keys, sort.numbering), Some(sort.criteria.clone()))?)
    } else {
        None
    };
    let (finder, mut progress) = Finder::of_selected(context)?;
    let seqs = finder.find(keys, &mut progress).await?;
    let order = in_order((&finder, &mut progress), &seqs, &sort.criteria).await?;
    let results = Results { order, numbering: sort.numbering, has_modseq };
    match sort.returns.as_deref() {
        Some(returns) => results.tell(context, returns)?,
        None => {
            let (_, selected) = context.session.selected()?;
            let (numbers, modseq) = results.plain(&selected.view);
            context.untagged(&Response::Sort { numbers: &numbers, modseq });
        }
    }
    if let Some(question) = question {
        update::begin(context, question, &results.order)?;
    }
    Ok(Done::Status(Status::ok("SORT done")))
}

/// Messages in the order of the criteria; those that are gone meanwhile are left out.
pub(crate) async fn in_order(
    (finder, progress): (&Finder<'_>, &mut Progress<'_>),
    seqs: &NumberSet,
    criteria: &[SortCriterion],
) -> Result<Vec<u32>, Failure> {
    let criteria = deciding(criteria);
    let read = valued((finder, progress), seqs, &criteria).await?;
    aside(read.len(), move || sorted(read, &criteria)).await
}

/// Puts messages among others that are in the order of the criteria; those that are gone meanwhile may be left out.
///
/// The order of two messages never changes, so a few are put in by looking at few of the others.
pub(crate) async fn inserted(
    (finder, progress): (&Finder<'_>, &mut Progress<'_>),
    mut order: Vec<u32>,
    came: &NumberSet,
    criteria: &[SortCriterion],
) -> Result<Vec<u32>, Failure> {
    if came.count() > INSERTED_MAX {
        order.sort_unstable();
        let all = NumberSet::from_sorted(order).union(came);
        return in_order((finder, progress), &all, criteria).await;
    }
    let criteria = deciding(criteria);
    for new in valued((finder, &mut *progress), came, &criteria).await? {
        let (mut low, mut high) = (0, order.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let others = order.get(middle..high).unwrap_or_default();
            match first_there((finder, &mut *progress), others, &criteria).await? {
                Some((after, other)) if compare(&other, &new, &criteria).is_lt() => low = middle + after + 1,
                // Where all are gone, any place is right.
                _ => high = middle,
            }
        }
        order.insert(low, new.1);
    }
    Ok(order)
}

/// The first of these messages that is there, and how many stand before it.
async fn first_there(
    (finder, progress): (&Finder<'_>, &mut Progress<'_>),
    seqs: &[u32],
    criteria: &[SortCriterion],
) -> Result<Option<(usize, Valued)>, Failure> {
    for (before, &seq) in seqs.iter().enumerate() {
        let mut read = valued((finder, &mut *progress), &NumberSet::from_sorted([seq]), criteria).await?;
        if let Some(there) = read.pop() {
            return Ok(Some((before, there)));
        }
    }
    Ok(None)
}

/// What of a message is compared, and its sequence number.
type Valued = (Vec<Value>, u32);

async fn valued(
    (finder, progress): (&Finder<'_>, &mut Progress<'_>),
    seqs: &NumberSet,
    criteria: &[SortCriterion],
) -> Result<Vec<Valued>, Failure> {
    let mut read: Vec<Valued> = Vec::with_capacity(seqs.count());
    let values = |row: &MessageRow| criteria.iter().map(|criterion| Value::of(row, criterion.key)).collect();
    let take = |seq, row: &MessageRow| read.push((values(row), seq));
    finder.read_all((seqs, columns(criteria)), progress, take).await?;
    Ok(read)
}

/// Messages that one criterion holds for equal are equal for any later one of the same key.
fn deciding(criteria: &[SortCriterion]) -> Vec<SortCriterion> {
    let mut deciding: Vec<SortCriterion> = Vec::new();
    for criterion in criteria {
        if deciding.iter().all(|earlier| earlier.key != criterion.key) {
            deciding.push(*criterion);
        }
    }
    deciding
}

fn sorted(mut messages: Vec<Valued>, criteria: &[SortCriterion]) -> Vec<u32> {
    messages.sort_unstable_by(|one, other| compare(one, other, criteria));
    messages.into_iter().map(|(_, seq)| seq).collect()
}

fn compare((one, one_seq): &Valued, (other, other_seq): &Valued, criteria: &[SortCriterion]) -> Ordering {
    let pairs = one.iter().zip(other).zip(criteria);
    let mut orderings = pairs.map(|((one, other), criterion)| match criterion.direction {
        SortDirection::Rising => one.cmp(other),
        SortDirection::Falling => other.cmp(one),
    });
    let decided = orderings.find(|ordering| ordering.is_ne());
    // RFC 5256 §3: equal ones by sequence number, which REVERSE does not turn round.
    decided.unwrap_or_else(|| one_seq.cmp(other_seq))
}

fn columns(criteria: &[SortCriterion]) -> Columns {
    let has = |keys: &[SortKey]| criteria.iter().any(|criterion| keys.contains(&criterion.key));
    Columns {
        envelope: has(&[SortKey::Cc, SortKey::From, SortKey::To, SortKey::DisplayFrom, SortKey::DisplayTo]),
        structure: false,
        summary: has(&[SortKey::Date, SortKey::Subject]),
    }
}

/// More messages than this are put in by sorting anew, which then reads less.
const INSERTED_MAX: usize = 16;

#[cfg(test)]
mod tests;
