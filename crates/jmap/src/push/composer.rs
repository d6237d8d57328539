//! Composes pushes for JMAP: StateChange (RFC 8620 §7.1), EmailPush (draft-ietf-jmap-emailpush), PushVerification
//! (RFC 8620 §7.2.2).
//!
//! The states of types and the cursor are MODSEQs of the same account: a type has changed if its state is above the cursor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use notifier::compose::{Assignment, Composed, Composer, Composing, Detail, Push};
use serde_json::{Map, Value, json};
use store::{Access, Cause, MembershipChange, ModSeq, Origin, PushKind, PushSubscription, Store, TypeStates};
use webpush::header::{Topic, Ttl, Urgency};

use super::email_push::{self, Deliveries};
use super::fit::{self, Frame, Properties};
use super::terms::Terms;
use crate::http::events::{TYPES, state_of};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

/// Composes for the subscriptions of JMAP.
#[derive(Clone, Copy, Debug, Default)]
pub struct JmapComposer;

impl Composer for JmapComposer {
    fn kind(&self) -> PushKind {
        PushKind::Jmap
    }

    fn compose<'a>(&'a self, store: &'a Store, assignment: Assignment<'a>) -> Composing<'a> {
        Box::pin(async move { compose(store, &assignment).await })
    }

    // RFC 8620 §7.2.2
    fn verification(&self, subscription: &PushSubscription, token: &str) -> Option<Push> {
        let said = json!({
            "@type": "PushVerification",
            "pushSubscriptionId": subscription.client_id,
            "verificationCode": token,
        });
        Some(Push { cleartext: bytes(&said), urgency: Urgency::High, topic: None, ttl: TTL })
    }

    /// Nothing has changed.
    fn trial(&self, _: &PushSubscription) -> Option<Push> {
        let said = json!({ "@type": "StateChange", "changed": {} });
        Some(Push { cleartext: bytes(&said), urgency: Urgency::High, topic: None, ttl: TRIAL_TTL })
    }

    // RFC 9749 §5: clients learn of a new key from the session resource.
    fn key_notice(&self, _new_key: &str) -> Option<Push> {
        None
    }
}

async fn compose(store: &Store, assignment: &Assignment<'_>) -> store::Result<Composed> {
    let Assignment { subscription, access, from, detail, .. } = *assignment;
    let Some(terms) = Terms::from_text(&subscription.request) else {
        tracing::error!(subscription = subscription.id.0, "stored terms can't be read");
        return Ok(Composed::nothing(store.modseq(access).await?));
    };
    let account = id::of_account(access.owner());
    let emails = match terms.email_push(&account) {
        Some(config) if !subscription.public_key.is_empty() => {
            let deliveries = Deliveries::read(store, access, from).await?;
            let told = email_push::told(store, access, deliveries.emails, config).await;
            Some((told.map_err(unavailable)?, config.urgency, deliveries.until))
        }
        _ => None,
    };
    let before = store.modseq(access).await?;
    let states = store.type_states(access).await?;
    let newest = TYPES.iter().map(|name| state_of(&states, name)).max().unwrap_or_default();
    // What was read of the log is told; what came after is told next time.
    let cursor = emails.as_ref().map_or(before.max(newest), |(_, _, until)| *until);
    let mut pushes = Vec::new();
    if let Some((told, urgency, _)) = emails {
        let state = State::at(states.epoch, states.email).to_string();
        let frame = Frame { account: &account, state: &state };
        let told: Vec<Properties> = told.into_iter().map(|email| at_detail(email, detail)).collect();
        pushes.extend(fit::pushes(&frame, &told).into_iter().map(|said| Push {
            cleartext: Bytes::from(said),
            urgency,
            topic: None,
            ttl: TTL,
        }));
    }
    // A state beyond the cursor is told with what else has come by then.
    let is_told = |name: &&str| (from.0 + 1..=cursor.0).contains(&state_of(&states, name).0);
    let changed: Vec<&str> = TYPES.into_iter().filter(|name| terms.tells(name) && is_told(name)).collect();
    let is_own = terms.ignores_own_changes && all_are_own(store, access, from).await?;
    if !changed.is_empty() && !is_own {
        pushes.push(state_change(subscription, &account, &states, &changed));
    }
    // JMAP shows the own account alone.
    Ok(Composed { pushes, more: newest > cursor, ..Composed::nothing(cursor) })
}

/// In summary only which emails they are.
fn at_detail(mut email: Properties, detail: Detail) -> Properties {
    if detail == Detail::Summary {
        email.retain(|(name, _)| name == "id");
    }
    email
}

fn state_change(
    subscription: &PushSubscription,
    account: &str,
    states: &TypeStates,
    changed: &[&'static str],
) -> Push {
    let state = |name: &&'static str| State::at(states.epoch, state_of(states, name)).to_string();
    let types: Map<String, Value> =
        changed.iter().map(|name| ((*name).to_owned(), Value::String(state(name)))).collect();
    let said = json!({ "@type": "StateChange", "changed": { account: types } });
    // Not even flags have changed where only mailboxes have: their counts, names, order.
    let urgency = match changed {
        types if types.contains(&"EmailDelivery") => Urgency::High,
        ["Mailbox"] => Urgency::Low,
        _ => Urgency::Normal,
    };
    Push { cleartext: bytes(&said), urgency, topic: topic(subscription, account, changed), ttl: TTL }
}

/// A later StateChange makes an earlier one of the same types pointless, and no other. Whoever sees topics can't tell what
/// they stand for: their key is made of the code that only the client has been told.
fn topic(subscription: &PushSubscription, account: &str, changed: &[&str]) -> Option<Topic> {
    let key = blake3::derive_key("mailbell 2026 topics of JMAP's pushes", subscription.code.as_bytes());
    let mut hasher = blake3::Hasher::new_keyed(&key);
    hasher.update(account.as_bytes());
    for name in changed {
        hasher.update(b"\0").update(name.as_bytes());
    }
    let mut digest = [0; TOPIC_BYTES];
    hasher.finalize_xof().fill(&mut digest);
    URL_SAFE_NO_PAD.encode(digest).parse().ok()
}

/// Whether all that has changed was changed with the credential of the access. False where there is too much to tell.
async fn all_are_own(store: &Store, access: &Access, from: ModSeq) -> store::Result<bool> {
    let log = store.changes_since(access, from, OWN_CHANGES_MAX).await?;
    if log.more || !log.complete || access.credential().is_none() {
        return Ok(false);
    }
    let is_own = |origin: Origin| origin.credential == access.credential();
    // What was delivered and then touched is not the client's own for that.
    let came_from_elsewhere = |change: &MembershipChange| {
        matches!(change.arrived, Some(Cause::Delivery | Cause::Import | Cause::Admin))
    };
    let emails = log.memberships.iter().all(|change| is_own(change.origin) && !came_from_elsewhere(change));
    Ok(emails && log.mailboxes.iter().all(|change| is_own(change.origin)))
}

fn bytes(said: &Value) -> Bytes {
    Bytes::from(said.to_string())
}

fn unavailable(error: MethodError) -> store::Error {
    store::Error::Unavailable(format!("an email can't be told of: {}", error.name()))
}

/// A day.
const TTL: Ttl = Ttl::from_seconds(86_400);
/// Who tries looks for it now.
const TRIAL_TTL: Ttl = Ttl::from_seconds(600);
/// 32 characters of base64url.
const TOPIC_BYTES: usize = 24;
/// Changes that are looked at for whose they are.
const OWN_CHANGES_MAX: usize = 2048;
