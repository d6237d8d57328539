//! Creation of a PushSubscription (RFC 8620 §7.2.2): checked, stored, and answered once its push service has taken the push
//! with the code, or has not refused it for [`PATIENCE`].

use std::time::Duration;

use notifier::verification::{Awaited, Verified};
use serde_json::{Map, Value, json};
use store::{NewJmapSubscription, UnixTime};
use tokio::time::Instant;
use uuid::Uuid;
use webpush::key::{AuthSecret, PublicKey};

use crate::method::Context;
use crate::push::terms::{PROPERTIES as TERMS, Terms};
use crate::reply::SetError;
use crate::wire::date;

/// One that has been made, and waits for what its push service says.
pub(super) struct Made {
    id: String,
    awaited: Awaited,
    /// What the client does not know of it.
    told: Value,
}

/// Checks and stores.
///
/// # Errors
/// invalidProperties, overQuota, rateLimit, forbidden.
pub(super) async fn make(given: Map<String, Value>, context: &Context<'_>) -> Result<Made, SetError> {
    let (registrar, now) = (&context.server.options.push, super::now());
    let wanted = Wanted::read(given, now)?;
    let endpoint = registrar.policy.parse_endpoint(&wanted.url);
    // What is wrong with it could be seen in the URL, so that nothing is given away.
    endpoint.map_err(|error| SetError::because("url", &error.to_string()))?;
    if !registrar.admit(context.access.owner(), now) {
        return Err(SetError::new("rateLimit", "too many push subscriptions made within an hour"));
    }
    let id = format!("P{}", Uuid::new_v4().simple());
    let awaited = registrar.handle.expect_verification(&id);
    let (public_key, auth) = wanted.keys.unwrap_or_default();
    let new = NewJmapSubscription {
        account_max: registrar.limits.subscriptions,
        id: id.clone(),
        device: wanted.device,
        endpoint: wanted.url,
        public_key,
        auth,
        request: wanted.terms.to_text(),
        vapid_key: registrar.keys.current_id(),
        code: Uuid::new_v4().simple().to_string(),
        code_expires_at: UnixTime(now.0.saturating_add(CODE_SECONDS)),
        expires_at: wanted.expires_at,
    };
    let made = context.server.store.create_jmap_subscription(context.access, new).await;
    let made = made.map_err(|error| match error {
        store::Error::NotFound(_) => {
            SetError::new("forbidden", "a push subscription belongs to a credential")
        }
        other => SetError::from(other),
    })?;
    registrar.handle.look(made.id);
    let mut told = wanted.omitted;
    told.insert("id".to_owned(), json!(id));
    told.insert("expires".to_owned(), json!(date::utc(wanted.expires_at.0)));
    Ok(Made { id, awaited, told: Value::Object(told) })
}

impl Made {
    /// What to answer, once the push service has answered or the time is over. Whatever is wrong with the endpoint, nothing is
    /// said but this: else it could be asked what listens where only the server may connect to.
    pub(super) async fn outcome(mut self, until: Instant, context: &Context<'_>) -> Result<Value, SetError> {
        let why = match tokio::time::timeout_at(until, self.awaited.answer()).await {
            // What has not been taken yet is tried again.
            Ok(Verified::Taken | Verified::Later) | Err(_) => return Ok(self.told),
            Ok(Verified::Refused) => "the push service has refused the verification",
            Ok(Verified::Unreachable) => "the push service can't be reached",
        };
        context.server.store.remove_jmap_subscription(context.access, &self.id).await?;
        Err(SetError::because("url", why))
    }
}

/// What a client asks for.
struct Wanted {
    device: String,
    url: String,
    keys: Option<(Vec<u8>, Vec<u8>)>,
    expires_at: UnixTime,
    terms: Terms,
    /// Properties that were not given, with their defaults.
    omitted: Map<String, Value>,
}

impl Wanted {
    fn read(mut given: Map<String, Value>, now: UnixTime) -> Result<Self, SetError> {
        let terms = TERMS.into_iter().filter_map(|name| given.remove_entry(name)).collect::<Map<_, _>>();
        let defaults = ["keys", "types"].into_iter();
        let omitted = defaults.filter(|name| !given.contains_key(*name) && !terms.contains_key(*name));
        let omitted = omitted.map(|name| (name.to_owned(), Value::Null)).collect();
        let terms = Terms::read(terms)?;
        let device = text(&mut given, "deviceClientId")?;
        if device.is_empty() || device.len() > DEVICE_BYTES_MAX {
            return Err(SetError::property("deviceClientId"));
        }
        let url = text(&mut given, "url")?;
        let expires_at = expiry(given.remove("expires").as_ref(), now)?;
        let keys = match given.remove("keys") {
            None | Some(Value::Null) => None,
            Some(value) => Some(keys(&value).ok_or_else(|| SetError::property("keys"))?),
        };
        // draft-ietf-jmap-emailpush, "Security Considerations"
        if keys.is_none() && terms.needs_keys() {
            return Err(SetError::because("keys", "contents of emails are pushed encrypted only"));
        }
        // It is null until the client has been pushed one; all others are unknown or the server's own.
        given.retain(|name, value| name != "verificationCode" || !value.is_null());
        match given.keys().next() {
            Some(name) => Err(SetError::property(name)),
            None => Ok(Self { device, url, keys, expires_at, terms, omitted }),
        }
    }
}

/// When a subscription ends: as asked for, but not after more than [`LIFE_SECONDS_MAX`].
///
/// # Errors
/// invalidProperties for what is no UTCDate, or has passed.
pub(super) fn expiry(asked: Option<&Value>, now: UnixTime) -> Result<UnixTime, SetError> {
    let latest = now.0.saturating_add(LIFE_SECONDS_MAX);
    let asked = match asked {
        None | Some(Value::Null) => return Ok(UnixTime(latest)),
        Some(value) => value.as_str().and_then(date::parse_utc),
    };
    let asked = asked.filter(|at| *at > now.0).ok_or_else(|| SetError::property("expires"))?;
    Ok(UnixTime(asked.min(latest)))
}

fn text(given: &mut Map<String, Value>, name: &str) -> Result<String, SetError> {
    match given.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(SetError::property(name)),
    }
}

/// RFC 8291 §2.1, §2.2, with padding or without.
fn keys(value: &Value) -> Option<(Vec<u8>, Vec<u8>)> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let of = |name: &str| fields.get(name).and_then(Value::as_str);
    let public_key = PublicKey::from_base64url_maybe_padded(of("p256dh")?).ok()?;
    let auth = AuthSecret::from_base64url_maybe_padded(of("auth")?).ok()?;
    Some((public_key.as_bytes().to_vec(), auth.expose().to_vec()))
}

/// How long a creation waits for the push service's answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// RFC 8620 §7.2: at least 48 hours; a client that has gone is pushed to for no longer than this.
const LIFE_SECONDS_MAX: i64 = 7 * 86_400;
/// How long the code is good for.
const CODE_SECONDS: i64 = 86_400;
const DEVICE_BYTES_MAX: usize = 255;
