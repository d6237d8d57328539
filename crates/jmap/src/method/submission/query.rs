//! EmailSubmission/query (RFC 8621 §7.3).

use std::cmp::Ordering;

use serde::Deserialize;
use store::Submission;

use super::undo_status;
use crate::method::email::filter::UtcDate;
use crate::method::query::{Comparator, Filter, Sought, Window};
use crate::method::{Arguments, Context, Outcome, Shared as _, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Condition {
    identity_ids: Option<Vec<String>>,
    email_ids: Option<Vec<String>>,
    thread_ids: Option<Vec<String>>,
    undo_status: Option<String>,
    before: Option<UtcDate>,
    after: Option<UtcDate>,
}

/// What to look for, and in which order.
pub(crate) struct Search {
    filter: Option<Filter<Condition>>,
    sort: Vec<Comparator>,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let window = Window::take(&mut arguments)?;
    let sought = Sought::take(&mut arguments)?;
    let arguments: QueryArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let search = Search::parse(sought)?;
    let states = context.server.store.type_states(context.access).await?;
    let results = search.results(context).await?;
    let state = State::at(states.epoch, states.submission).to_string();
    window.answer(&arguments.account_id, state, &results)
}

impl Search {
    /// Reads filter and sort.
    pub(crate) fn parse(sought: Sought) -> Result<Self, MethodError> {
        let (filter, sort) = sought.read(&CONDITIONS)?;
        sort.iter().try_for_each(|comparator: &Comparator| comparator.check(&SORTS))?;
        Ok(Self { filter, sort })
    }

    /// All that fits, in order.
    pub(crate) async fn results(&self, context: &Context<'_>) -> Result<Vec<String>, MethodError> {
        let mut found = context.server.store.submissions(context.access).await?;
        found.retain(|submission| self.fits(submission));
        found.sort_by(|a, b| {
            let orders = self.sort.iter().map(|comparator| compare(comparator, a, b));
            // RFC 8620 §5.5: the order is a stable one.
            orders.fold(Ordering::Equal, Ordering::then).then(a.id.cmp(&b.id))
        });
        Ok(found.into_iter().map(|submission| id::of_submission(submission.id)).collect())
    }

    fn fits(&self, submission: &Submission) -> bool {
        let Some(filter) = &self.filter else { return true };
        filter.holds(&mut |condition| Some(condition.holds(submission))).unwrap_or(false)
    }
}

fn compare(comparator: &Comparator, a: &Submission, b: &Submission) -> Ordering {
    let order = match comparator.property.as_str() {
        "emailId" => a.email.cmp(&b.email),
        "threadId" => a.thread.cmp(&b.thread),
        _ => a.send_at.cmp(&b.send_at),
    };
    if comparator.is_ascending { order } else { order.reverse() }
}

impl Condition {
    fn holds(&self, submission: &Submission) -> bool {
        let lists = |wanted: &Option<Vec<String>>, id: String| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&id))
        };
        lists(&self.identity_ids, id::of_identity(submission.identity))
            && lists(&self.email_ids, id::of_email(submission.email))
            && lists(&self.thread_ids, id::of_thread(submission.thread))
            && self.undo_status.as_deref().is_none_or(|wanted| wanted == undo_status(submission.undo))
            && self.before.is_none_or(|before| submission.send_at.0 < before.0)
            && self.after.is_none_or(|after| submission.send_at.0 >= after.0)
    }
}

const CONDITIONS: [&str; 6] = ["identityIds", "emailIds", "threadIds", "undoStatus", "before", "after"];
const SORTS: [&str; 3] = ["emailId", "threadId", "sentAt"];
