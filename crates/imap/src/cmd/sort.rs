//! SORT and UID SORT (RFC 5256 §3, RFC 5957, RFC 5267 §3).
//!
//! Each message becomes the values that are compared, which are small; the messages themselves are read in batches.

use store::{Columns, MessageRow};

use crate::cmd::aside::aside;
use crate::cmd::search::find::Finder;
use crate::cmd::search::progress::Progress;
use crate::cmd::search::results::{self, Results};
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
    let SearchProgram::Keys(keys) = sort.program else { return Ok(unknown_charset()) };
    let has_modseq = prepare(context, &keys).await?;
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
    Ok(Done::Status(Status::ok("SORT done")))
}

/// Messages in the order of the criteria; those that are gone meanwhile are left out.
pub(crate) async fn in_order(
    (finder, progress): (&Finder<'_>, &mut Progress<'_>),
    seqs: &NumberSet,
    criteria: &[SortCriterion],
) -> Result<Vec<u32>, Failure> {
    let criteria = deciding(criteria);
    let mut read: Vec<(Vec<Value>, u32)> = Vec::with_capacity(seqs.count());
    let values = |row: &MessageRow| criteria.iter().map(|criterion| Value::of(row, criterion.key)).collect();
    let take = |seq, row: &MessageRow| read.push((values(row), seq));
    finder.read_all((seqs, columns(&criteria)), progress, take).await?;
    aside(read.len(), move || sorted(read, &criteria)).await
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

fn sorted(mut messages: Vec<(Vec<Value>, u32)>, criteria: &[SortCriterion]) -> Vec<u32> {
    messages.sort_unstable_by(|(one, one_seq), (other, other_seq)| {
        let pairs = one.iter().zip(other).zip(criteria);
        let mut orderings = pairs.map(|((one, other), criterion)| match criterion.direction {
            SortDirection::Rising => one.cmp(other),
            SortDirection::Falling => other.cmp(one),
        });
        let decided = orderings.find(|ordering| ordering.is_ne());
        // RFC 5256 §3: equal ones by sequence number, which REVERSE does not turn round.
        decided.unwrap_or_else(|| one_seq.cmp(other_seq))
    });
    messages.into_iter().map(|(_, seq)| seq).collect()
}

fn columns(criteria: &[SortCriterion]) -> Columns {
    let has = |keys: &[SortKey]| criteria.iter().any(|criterion| keys.contains(&criterion.key));
    Columns {
        envelope: has(&[SortKey::Cc, SortKey::From, SortKey::To, SortKey::DisplayFrom, SortKey::DisplayTo]),
        structure: false,
        summary: has(&[SortKey::Date, SortKey::Subject]),
    }
}

#[cfg(test)]
mod tests;
