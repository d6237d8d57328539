//! A device as JSON, and what a push service said in words for people.

use serde_json::{Map, Value, json};
use store::{Credential, PushKind, PushState, PushSubscription, UnixTime};
use url::Url;

use crate::devices::id;
use crate::wire::date;

#[cfg(test)]
mod tests;

/// A device as its user sees it at `now`.
pub(super) fn device(subscription: &PushSubscription, credentials: &[Credential], now: UnixTime) -> Value {
    let attempts = &subscription.attempts;
    let in_future = |time: Option<UnixTime>| time.filter(|time| *time > now).map(|time| date::utc(time.0));
    let credential = credentials.iter().find(|credential| credential.id == subscription.credential);
    let (state, is_proven) = match subscription.state {
        PushState::Pending { .. } => ("pending", false),
        PushState::Active { .. } => ("active", true),
        PushState::Inactive => ("inactive", false),
    };
    let last_answer = attempts.last_answer.as_deref().map(|said| {
        let mut answer = answer(said, is_proven);
        let at = attempts.last_answer_at.map(|at| date::utc(at.0));
        answer.insert("at".to_owned(), json!(at));
        answer
    });
    json!({
        "id": id::of(subscription.id),
        "kind": subscription.kind.name(),
        "name": Some(&subscription.name).filter(|name| !name.is_empty()),
        "clientId": client_id(subscription),
        "state": state,
        "pushService": origin(&subscription.endpoint),
        "credential": credential.map(|credential| &credential.name),
        "updatedAt": date::utc(subscription.updated_at.0),
        "silentUntil": in_future(subscription.silenced_until),
        "lastPushAt": attempts.last_push_at.map(|at| date::utc(at.0)),
        "failures": attempts.failures,
        "nextAttemptAt": in_future(attempts.next_attempt_at),
        "lastAnswer": last_answer,
    })
}

/// What a push service said. `is_proven`: the endpoint is known to be the client's own, so that its status and the way in which
/// it failed are nobody else's business.
pub(super) fn answer(said: &str, is_proven: bool) -> Map<String, Value> {
    let status = said.parse::<u16>().ok().filter(|status| (100..=599).contains(status));
    let members = [
        ("outcome", json!(outcome(said, status))),
        ("status", json!(status.filter(|_| is_proven))),
        ("text", json!(Some(said).filter(|_| is_proven))),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn outcome(said: &str, status: Option<u16>) -> &'static str {
    match (status, said) {
        (Some(200..=299), _) => "accepted",
        (Some(429 | 500..=599), _) | (None, "deferred" | "withdrawn" | "no key") => "busy",
        (Some(400..=499), _) => "refused",
        // A redirect is not followed.
        _ => "unreachable",
    }
}

/// The client's own id; what others keep in its place is a digest that says nothing to anybody.
fn client_id(subscription: &PushSubscription) -> Option<&str> {
    match subscription.kind {
        PushKind::HttpPut | PushKind::Apple => None,
        PushKind::ImapWebPush => Some(&subscription.client_id),
        PushKind::Jmap => Some(&subscription.device),
    }
}

fn origin(endpoint: &str) -> Option<String> {
    Url::parse(endpoint).ok().map(|url| url.origin().ascii_serialization())
}
