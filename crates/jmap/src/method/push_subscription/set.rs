//! PushSubscription/set (RFC 8620 §7.2.2).

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{EditedJmapSubscription, JmapSubscriptionEdit};
use tokio::time::Instant;

use super::create::{self, PATIENCE};
use crate::method::set::{Outcomes, check_count, check_creation_ids};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::push::terms::{PROPERTIES as TERMS, Terms};
use crate::reply::SetError;
use crate::wire::date;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetArguments {
    #[serde(default)]
    create: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    update: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    destroy: Option<Vec<String>>,
}

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: SetArguments = typed(arguments)?;
    let create = arguments.create.unwrap_or_default();
    let (update, destroy) = (arguments.update.unwrap_or_default(), arguments.destroy.unwrap_or_default());
    check_count(context, create.len() + update.len() + destroy.len())?;
    check_creation_ids(create.keys())?;
    let mut outcomes = Outcomes::default();
    let mut made = Vec::new();
    for (key, given) in create {
        match create::make(given, context).await {
            Ok(subscription) => made.push((key, subscription)),
            Err(error) => outcomes.create(context, key, Err(error)),
        }
    }
    let until = Instant::now() + PATIENCE;
    let shared = &*context;
    let answers =
        join_all(made.into_iter().map(async |(key, made)| (key, made.outcome(until, shared).await))).await;
    for (key, outcome) in answers {
        outcomes.create(context, key, outcome);
    }
    for (key, patch) in update {
        let outcome = match destroy.contains(&key) {
            true => Err(SetError::new("willDestroy", "it is destroyed by the same call")),
            false => self::update(&key, patch, context).await,
        };
        outcomes.update(key, outcome);
    }
    for key in destroy {
        let id = context.resolved(&key).unwrap_or_else(|| key.clone());
        let removed = context.server.store.remove_jmap_subscription(context.access, &id).await;
        let outcome = removed.map_err(SetError::from);
        let outcome = outcome.and_then(|removed| if removed { Ok(()) } else { Err(SetError::not_found()) });
        outcomes.destroy(id, outcome);
    }
    Ok(outcomes.stateless_response())
}

async fn update(key: &str, mut patch: Map<String, Value>, context: &Context<'_>) -> Result<Value, SetError> {
    let (store, now) = (&context.server.store, super::now());
    let id = context.resolved(key).unwrap_or_else(|| key.to_owned());
    let found = store.jmap_subscriptions(context.access, now).await?;
    let found = found.into_iter().find(|subscription| subscription.client_id == id);
    let found = found.ok_or_else(SetError::not_found)?;
    // RFC 8620 §5.3: what can't change may be sent as it is.
    patch.retain(|name, value| match name.as_str() {
        "id" => *value != found.client_id,
        "deviceClientId" => *value != found.device,
        _ => true,
    });
    let mut edit = JmapSubscriptionEdit::default();
    let mut told = Map::new();
    if let Some(asked) = patch.remove("expires") {
        let expires_at = create::expiry(Some(&asked), now)?;
        let shown = json!(date::utc(expires_at.0));
        if shown != asked {
            told.insert("expires".to_owned(), shown);
        }
        edit.expires_at = Some(expires_at);
    }
    match patch.remove("verificationCode") {
        None => {}
        Some(Value::String(code)) => edit.code = Some(code),
        Some(_) => return Err(SetError::property("verificationCode")),
    }
    let is_term = |name: &str| TERMS.contains(&name) || name.starts_with("emailPush/");
    let (terms, others): (Map<_, _>, Map<_, _>) = patch.into_iter().partition(|(name, _)| is_term(name));
    // RFC 8620 §7.2: all others are immutable, the server's own, or unknown.
    if let Some(name) = others.keys().next() {
        return Err(SetError::property(name));
    }
    if !terms.is_empty() {
        let before = Terms::from_text(&found.request).unwrap_or_default();
        let terms = before.patched(terms)?;
        if terms.needs_keys() && found.public_key.is_empty() {
            return Err(SetError::because("emailPush", "contents of emails are pushed encrypted only"));
        }
        edit.request = Some(terms.to_text());
    }
    match store.edit_jmap_subscription(context.access, &id, edit, now).await? {
        None => Err(SetError::not_found()),
        Some(EditedJmapSubscription::WrongCode) => Err(SetError::property("verificationCode")),
        Some(EditedJmapSubscription::Done(subscription)) => {
            context.server.options.push.handle.look(subscription.id);
            Ok(if told.is_empty() { Value::Null } else { Value::Object(told) })
        }
    }
}
