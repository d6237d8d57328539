//! Identity/set (RFC 8621 §6.3).

use serde_json::{Map, Value, json};
use store::{Identity, IdentityText, NamedAddress};

use super::{EmailAddress, all, own_addresses};
use crate::method::set::{Outcomes, SetArguments};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::{MethodError, SetError};
use crate::wire::state::State;
use crate::wire::{address, id};

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: SetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    if arguments.on_destroy_remove_emails.is_some() {
        return Err(MethodError::InvalidArguments("onDestroyRemoveEmails is Mailbox/set's".to_owned()));
    }
    let identities = all(context).await?;
    let old = state(context).await?;
    arguments.check(context, &old)?;
    let mut outcomes = Outcomes::default();
    for (key, object) in arguments.create.unwrap_or_default() {
        let outcome = create(object, context).await;
        outcomes.create(context, key, outcome);
    }
    let destroyed = arguments.destroy.unwrap_or_default();
    for (key, patch) in arguments.update.unwrap_or_default() {
        // RFC 8620 §5.3
        let outcome = match destroyed.contains(&key) {
            true => Err(SetError::new("willDestroy", "it is destroyed by the same call")),
            false => update(&key, patch, (&identities, context)).await,
        };
        outcomes.update(key, outcome.map(|()| Value::Null));
    }
    for key in destroyed {
        let resolved = context.resolved(&key).unwrap_or_else(|| key.clone());
        let outcome = match id::identity(&resolved) {
            None => Err(SetError::not_found()),
            Some(id) => {
                context.server.store.destroy_identity(context.access, id).await.map_err(SetError::from)
            }
        };
        outcomes.destroy(resolved, outcome);
    }
    Ok(outcomes.response(&arguments.account_id, old, state(context).await?))
}

async fn state(context: &Context<'_>) -> Result<String, MethodError> {
    let states = context.server.store.type_states(context.access).await?;
    Ok(State::at(states.epoch, states.identity).to_string())
}

async fn create(mut object: Map<String, Value>, context: &Context<'_>) -> Result<Value, SetError> {
    let email = object.remove("email").and_then(|email| email.as_str().map(str::to_owned));
    let email =
        email.filter(|email| address::is_mailbox(email)).ok_or_else(|| SetError::property("email"))?;
    let mut text = IdentityText::default();
    let given: Vec<String> = object.keys().cloned().collect();
    apply(object, &mut text)?;
    let own = own_addresses(context).await.map_err(|_| SetError::new("serverFail", "the server failed"))?;
    if !own.iter().any(|address| address::are_same(address, &email)) {
        return Err(SetError::new("forbiddenFrom", "this is not an address of the account"));
    }
    let id = context.server.store.create_identity(context.access, email, text).await?;
    // RFC 8620 §5.3: what the server has set, defaults included.
    let mut created = json!({ "id": id::of_identity(id), "mayDelete": true });
    if let Some(fields) = created.as_object_mut() {
        for (name, value) in defaults() {
            if !given.iter().any(|given| given == name) {
                fields.insert(name.to_owned(), value);
            }
        }
    }
    Ok(created)
}

fn defaults() -> [(&'static str, Value); 5] {
    let empty = || Value::from("");
    [
        ("name", empty()),
        ("replyTo", Value::Null),
        ("bcc", Value::Null),
        ("textSignature", empty()),
        ("htmlSignature", empty()),
    ]
}

async fn update(
    key: &str,
    patch: Map<String, Value>,
    (identities, context): (&[Identity], &Context<'_>),
) -> Result<(), SetError> {
    let resolved = context.resolved(key);
    let id = id::identity(resolved.as_deref().unwrap_or(key)).ok_or_else(SetError::not_found)?;
    let mut text = match identities.iter().find(|one| one.id == id) {
        Some(identity) => identity.text.clone(),
        // One that the same call has made.
        None => {
            let all = all(context).await.map_err(|_| SetError::new("serverFail", "the server failed"))?;
            all.into_iter().find(|one| one.id == id).ok_or_else(SetError::not_found)?.text
        }
    };
    apply(patch, &mut text)?;
    Ok(context.server.store.update_identity(context.access, id, text).await?)
}

/// Sets what a client has given.
fn apply(given: Map<String, Value>, text: &mut IdentityText) -> Result<(), SetError> {
    for (name, value) in given {
        let wrong = || SetError::property(&name);
        match name.as_str() {
            "name" => text.name = string(value, NAME_BYTES_MAX).ok_or_else(wrong)?,
            "textSignature" => text.text_signature = string(value, SIGNATURE_BYTES_MAX).ok_or_else(wrong)?,
            "htmlSignature" => text.html_signature = string(value, SIGNATURE_BYTES_MAX).ok_or_else(wrong)?,
            "replyTo" => text.reply_to = addresses(value).ok_or_else(wrong)?,
            "bcc" => text.bcc = addresses(value).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

/// A string; null is the default, which is empty.
fn string(value: Value, bytes_max: usize) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) if text.len() <= bytes_max => Some(text),
        _ => None,
    }
}

fn addresses(value: Value) -> Option<Option<Vec<NamedAddress>>> {
    let list: Option<Vec<EmailAddress>> = serde_json::from_value(value).ok()?;
    let Some(list) = list else { return Some(None) };
    let is_right = |one: &EmailAddress| {
        let name = one.name.as_deref().unwrap_or_default();
        address::is_mailbox(&one.email) && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
    };
    if list.len() > ADDRESSES_MAX || !list.iter().all(is_right) {
        return None;
    }
    Some(Some(list.into_iter().map(|one| NamedAddress { name: one.name, email: one.email }).collect()))
}

/// Above each the property is invalid.
const NAME_BYTES_MAX: usize = 1000;
const SIGNATURE_BYTES_MAX: usize = 64 * 1024;
const ADDRESSES_MAX: usize = 100;
