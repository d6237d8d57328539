//! PushSubscription/get (RFC 8620 §7.2.1).

use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::PushSubscription;

use crate::method::{Arguments, Context, Outcome, get, typed};
use crate::push::terms::{PROPERTIES as TERMS, Terms};
use crate::reply::MethodError;
use crate::wire::date;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetArguments {
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    properties: Option<Vec<String>>,
}

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: GetArguments = typed(arguments)?;
    // RFC 8620 §7.2.1: what lets others push, or read what is pushed, is told nobody.
    let is_secret = |name: &String| SECRETS.contains(&name.as_str());
    if arguments.properties.iter().flatten().any(is_secret) {
        return Err(MethodError::Forbidden);
    }
    let wanted = get::properties(arguments.properties, &PROPERTIES)?;
    let mut found = context.server.store.jmap_subscriptions(context.access, super::now()).await?;
    let mut not_found = Vec::new();
    if let Some(ids) = arguments.ids {
        let mut asked = Vec::new();
        for id in get::wanted(ids, context)? {
            match found.iter().position(|subscription| subscription.client_id == id) {
                Some(position) => asked.push(found.swap_remove(position)),
                None => not_found.push(id),
            }
        }
        found = asked;
    }
    let show = |subscription: &PushSubscription| {
        let terms = Terms::from_text(&subscription.request).unwrap_or_default();
        let shown = wanted.iter().map(|name| ((*name).to_owned(), property(name, subscription, &terms)));
        Value::Object(shown.collect())
    };
    let mut response = Map::new();
    response.insert("list".to_owned(), found.iter().map(show).collect());
    response.insert("notFound".to_owned(), json!(not_found));
    Ok(response)
}

fn property(name: &str, subscription: &PushSubscription, terms: &Terms) -> Value {
    match name {
        "id" => json!(subscription.client_id),
        "deviceClientId" => json!(subscription.device),
        // So that a client can tell whether it is verified.
        "verificationCode" if subscription.code.is_empty() => Value::Null,
        "verificationCode" => json!(subscription.code),
        "expires" => json!(subscription.expires_at.map(|at| date::utc(at.0))),
        term => terms.shown(term),
    }
}

const SECRETS: [&str; 2] = ["url", "keys"];
/// All that is shown.
const PROPERTIES: [&str; 7] =
    ["id", "deviceClientId", "verificationCode", "expires", TERMS[0], TERMS[1], TERMS[2]];
