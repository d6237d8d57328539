//! EmailSubmission/set (RFC 8621 §7.5): sending, stopping, forgetting; creation is in `create`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{MessageId, SubmissionId};

use crate::method::set::{Outcomes, SetArguments};
use crate::method::{Arguments, Context, Outcome, Shared, email, typed};
use crate::reply::{MethodError, SetError};
use crate::wire::id;
use crate::wire::state::State;

pub(crate) mod create;
mod envelope;
mod written;

/// What is to become of the emails of what succeeds, by the submission's id.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OnSuccess {
    on_success_update_email: Option<BTreeMap<String, Map<String, Value>>>,
    on_success_destroy_email: Option<Vec<String>>,
}

impl Shared for OnSuccess {
    const NAMES: &'static [&'static str] = &["onSuccessUpdateEmail", "onSuccessDestroyEmail"];
}

/// The emails of submissions that were made, changed or destroyed.
type Emails = BTreeMap<SubmissionId, MessageId>;

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let on_success = OnSuccess::take(&mut arguments)?;
    let arguments: SetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    if arguments.on_destroy_remove_emails.is_some() {
        return Err(MethodError::InvalidArguments("onDestroyRemoveEmails is Mailbox/set's".to_owned()));
    }
    let old = state(context).await?;
    arguments.check(context, &old)?;
    let (mut outcomes, mut emails) = (Outcomes::default(), Emails::new());
    for (key, object) in arguments.create.unwrap_or_default() {
        let made = create::run(object, context).await.map(|(submission, object)| {
            emails.insert(submission.id, submission.email);
            object
        });
        outcomes.create(context, key, made);
    }
    let destroyed = arguments.destroy.unwrap_or_default();
    for (key, patch) in arguments.update.unwrap_or_default() {
        // RFC 8620 §5.3
        let outcome = match destroyed.contains(&key) {
            true => Err(SetError::new("willDestroy", "it is destroyed by the same call")),
            false => update(&key, patch, (&mut emails, context)).await,
        };
        outcomes.update(key, outcome.map(|()| Value::Null));
    }
    for key in destroyed {
        let resolved = context.resolved(&key).unwrap_or(key);
        let outcome = destroy(&resolved, (&mut emails, context)).await;
        outcomes.destroy(resolved, outcome);
    }
    let response = outcomes.response(&arguments.account_id, old, state(context).await?);
    imply(on_success, (&arguments.account_id, &emails), context).await;
    Ok(response)
}

async fn state(context: &Context<'_>) -> Result<String, MethodError> {
    let states = context.server.store.type_states(context.access).await?;
    Ok(State::at(states.epoch, states.submission).to_string())
}

/// Cancels: nothing else of a submission can change.
async fn update(
    key: &str,
    mut patch: Map<String, Value>,
    (emails, context): (&mut Emails, &Context<'_>),
) -> Result<(), SetError> {
    let (id, email) = found(key, context).await?;
    let wanted = patch.remove("undoStatus");
    if let Some(name) = patch.keys().next() {
        return Err(SetError::property(name));
    }
    match wanted.as_ref().map(Value::as_str) {
        None => {}
        Some(Some("canceled")) => {
            let canceled = context.server.store.cancel_submission(context.access, id).await;
            canceled.map_err(|error| match error {
                store::Error::Forbidden(why) => SetError::new("cannotUnsend", why),
                other => SetError::from(other),
            })?;
        }
        Some(_) => return Err(SetError::property("undoStatus")),
    }
    emails.insert(id, email);
    Ok(())
}

async fn destroy(key: &str, (emails, context): (&mut Emails, &Context<'_>)) -> Result<(), SetError> {
    let (id, email) = found(key, context).await?;
    context.server.store.destroy_submission(context.access, id).await?;
    emails.insert(id, email);
    Ok(())
}

async fn found(key: &str, context: &Context<'_>) -> Result<(SubmissionId, MessageId), SetError> {
    let resolved = context.resolved(key);
    let id = id::submission(resolved.as_deref().unwrap_or(key)).ok_or_else(SetError::not_found)?;
    let submission = context.server.store.submission(context.access, id).await?;
    Ok((id, submission.email))
}

/// RFC 8621 §7.5: one Email/set for all that is asked for, answered after this method.
async fn imply(on_success: OnSuccess, (account, emails): (&str, &Emails), context: &mut Context<'_>) {
    let email_of = |key: &str| {
        let resolved = context.resolved(key);
        let id = id::submission(resolved.as_deref().unwrap_or(key))?;
        emails.get(&id).map(|email| id::of_email(*email))
    };
    let mut update = Map::new();
    for (key, patch) in on_success.on_success_update_email.unwrap_or_default() {
        if let Some(email) = email_of(&key) {
            update.insert(email, Value::Object(patch));
        }
    }
    let keys = on_success.on_success_destroy_email.unwrap_or_default();
    let destroy: Vec<String> = keys.iter().filter_map(|key| email_of(key)).collect();
    if update.is_empty() && destroy.is_empty() {
        return;
    }
    let mut arguments = Map::new();
    arguments.insert("accountId".to_owned(), json!(account));
    arguments.insert("update".to_owned(), Value::Object(update));
    arguments.insert("destroy".to_owned(), json!(destroy));
    let outcome = email::set::run(arguments, context).await;
    context.implied.push(("Email/set", outcome));
}
