//! Quota/queryChanges (RFC 9425 §4.5).

use std::collections::BTreeSet;

use super::query::results;
use super::{ID, Usage};
use crate::method::query::{self, Known, Moved, Sought};
use crate::method::{Arguments, Context, Outcome, Shared as _, nothing_else};
use crate::reply::MethodError;

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let known = Known::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    nothing_else(arguments)?;
    context.check_account(known.account())?;
    let before = Usage::parse(&known.since_query_state).ok_or(MethodError::CannotCalculateChanges)?;
    let now = Usage::read(context).await?;
    let results = results(now, sought, context)?;
    let own = |is_so: bool| if is_so { BTreeSet::from([ID.to_owned()]) } else { BTreeSet::new() };
    let moved =
        Moved { results, removed: own(before != now && before.limit.is_some()), added: own(before != now) };
    query::changes_response(&known, now.state(), moved)
}
