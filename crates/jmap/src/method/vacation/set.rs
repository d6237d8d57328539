//! VacationResponse/set (RFC 8621 §8.2).

use serde_json::{Map, Value};
use store::{UnixTime, Vacation};

use super::SINGLETON;
use crate::method::set::{Outcomes, SetArguments};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::{MethodError, SetError};
use crate::wire::date;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: SetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    if arguments.on_destroy_remove_emails.is_some() {
        return Err(MethodError::InvalidArguments("onDestroyRemoveEmails is Mailbox/set's".to_owned()));
    }
    let old = state(context).await?;
    arguments.check(context, &old)?;
    let mut outcomes = Outcomes::default();
    // RFC 8620 §5.3: the one that there is can neither be made nor destroyed.
    let only_one = || SetError::new("singleton", "there is exactly one");
    for key in arguments.create.unwrap_or_default().into_keys() {
        outcomes.create(context, key, Err(only_one()));
    }
    for (key, patch) in arguments.update.unwrap_or_default() {
        let outcome =
            if key == SINGLETON { update(patch, context).await } else { Err(SetError::not_found()) };
        outcomes.update(key, outcome.map(|()| Value::Null));
    }
    for key in arguments.destroy.unwrap_or_default() {
        let error = if key == SINGLETON { only_one() } else { SetError::not_found() };
        outcomes.destroy(key, Err(error));
    }
    Ok(outcomes.response(&arguments.account_id, old, state(context).await?))
}

async fn state(context: &Context<'_>) -> Result<String, MethodError> {
    let states = context.server.store.type_states(context.access).await?;
    Ok(State::at(states.epoch, states.vacation).to_string())
}

async fn update(patch: Map<String, Value>, context: &Context<'_>) -> Result<(), SetError> {
    let store = &context.server.store;
    let mut vacation = store.vacation(context.access).await?;
    apply(patch, &mut vacation)?;
    Ok(store.set_vacation(context.access, vacation).await?)
}

fn apply(patch: Map<String, Value>, vacation: &mut Vacation) -> Result<(), SetError> {
    for (name, value) in patch {
        let wrong = || SetError::property(&name);
        match name.as_str() {
            "isEnabled" => vacation.is_enabled = value.as_bool().ok_or_else(wrong)?,
            "fromDate" => vacation.from = time(&value).ok_or_else(wrong)?,
            "toDate" => vacation.to = time(&value).ok_or_else(wrong)?,
            "subject" => {
                let subject = text(value, SUBJECT_BYTES_MAX).ok_or_else(wrong)?;
                if subject.iter().any(|subject| subject.chars().any(char::is_control)) {
                    return Err(wrong());
                }
                vacation.subject = subject;
            }
            "textBody" => vacation.text_body = text(value, BODY_BYTES_MAX).ok_or_else(wrong)?,
            "htmlBody" => vacation.html_body = text(value, BODY_BYTES_MAX).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        }
    }
    match (vacation.from, vacation.to) {
        (Some(from), Some(to)) if to <= from => Err(SetError::property("toDate")),
        _ => Ok(()),
    }
}

fn time(value: &Value) -> Option<Option<UnixTime>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => date::parse_utc(text).map(|seconds| Some(UnixTime(seconds))),
        _ => None,
    }
}

fn text(value: Value, bytes_max: usize) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) if text.len() <= bytes_max => Some(Some(text)),
        _ => None,
    }
}

/// Above each the property is invalid.
const SUBJECT_BYTES_MAX: usize = 1000;
const BODY_BYTES_MAX: usize = 256 * 1024;
