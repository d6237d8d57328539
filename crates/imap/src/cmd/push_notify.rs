//! PUSH-NOTIFY-HTTP, of the capability `PUSH-NOTIFY-HTTP=PUT`: one HTTP PUT to a URL of the client's when mail comes.
//!
//! So that nobody can have a stranger's server flooded from here, the first request for a URL has a random version put
//! there, and again when the last proof is [`PROOF_SECONDS`] old. Until the client has confirmed it nothing else goes there.
//! Requests count against the limits of WEBPUSH commands, tokens and subscriptions.

use std::sync::Arc;

use store::{EndpointProof, NewPushRequest, PushKind, UnixTime};
use url::Url;
use uuid::Uuid;

use crate::cmd::{Context, Done, now};
use crate::push::registrar::{Registrar, TOKEN_SECONDS};
use crate::reply::Failure;
use crate::wire::push_notify::PushNotify;
use crate::wire::status::{Code, Status};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, command: PushNotify) -> Result<Done, Failure> {
    context.session.access()?;
    match command {
        PushNotify::Put { url, body } => put(context, &url, body).await,
        PushNotify::Confirm { url, version } => confirm(context, &url, version).await,
    }
}

async fn put(context: &Context<'_>, url: &str, body: String) -> Result<Done, Failure> {
    let registrar = Arc::clone(context.registrar());
    let access = context.session.access()?;
    if body.len() > BODY_BYTES_MAX {
        return Err(Failure::refused(Code::TooBig, "the body is longer than 256 bytes"));
    }
    let endpoint = endpoint_of(&registrar, url)?;
    let now = now();
    registrar
        .admit(access.owner(), &endpoint, now)
        .map_err(|error| Failure::refused(Code::Limit, error.to_string()))?;
    let new = NewPushRequest {
        account_max: registrar.subscriptions_per_account(),
        kind: PushKind::HttpPut,
        identity: endpoint.as_str().to_owned(),
        endpoint: endpoint.as_str().to_owned(),
        version: version_of(&body),
        request: body,
        proof: EndpointProof::Token {
            token: random_version().to_string(),
            expires_at: UnixTime(now.0.saturating_add(TOKEN_SECONDS)),
            not_before: UnixTime(now.0.saturating_sub(PROOF_SECONDS)),
        },
    };
    let text = match context.store().put_push_request(access, new).await {
        Ok(put) if put.must_acknowledge => {
            registrar.pushed(access.owner(), &endpoint, put.subscription.id);
            registrar.handle.altered(put.subscription.id);
            "PUSH-NOTIFY-HTTP done, confirm the version that is put to the URL"
        }
        answer => {
            registrar.not_pushed(access.owner(), &endpoint);
            registrar.handle.look(answer?.subscription.id);
            "PUSH-NOTIFY-HTTP done"
        }
    };
    Ok(Done::Status(Status::ok(text)))
}

async fn confirm(context: &Context<'_>, url: &str, version: u64) -> Result<Done, Failure> {
    let registrar = Arc::clone(context.registrar());
    let access = context.session.access()?;
    let endpoint = endpoint_of(&registrar, url)?;
    let now = now();
    // A guess counts as a command too.
    registrar
        .admit(access.owner(), &endpoint, now)
        .map_err(|error| Failure::refused(Code::Limit, error.to_string()))?;
    registrar.not_pushed(access.owner(), &endpoint);
    let of = (PushKind::HttpPut, endpoint.as_str());
    let confirmed = context.store().confirm_push_request(access, of, &version.to_string(), now).await?;
    let Some(subscription) = confirmed else {
        return Err(Failure::refused(Code::NonExistent, "this version was not put there, or too long ago"));
    };
    registrar.acknowledged(subscription.id);
    registrar.handle.look(subscription.id);
    Ok(Done::Status(Status::ok("PUSH-NOTIFY-HTTP done")))
}

fn endpoint_of(registrar: &Registrar, url: &str) -> Result<Url, Failure> {
    let parsed = registrar.policy.parse_endpoint(url);
    parsed.map_err(|error| Failure::refused(Code::Cannot, format!("URL: {error}")))
}

/// The number of a body of the form `version=<number>`, which must rise; other bodies have none.
fn version_of(body: &str) -> Option<u64> {
    body.strip_prefix("version=")?.parse().ok()
}

/// Above zero and below 2^31, so that all later ones have room above it.
fn random_version() -> u32 {
    let [a, b, c, d, ..] = Uuid::new_v4().into_bytes();
    (u32::from_be_bytes([a, b, c, d]) >> 1).max(1)
}

/// Enough for `version=` and a number of 64 bits, and for a name or two; longer bodies are `NO [TOOBIG]`.
const BODY_BYTES_MAX: usize = 256;
/// How long a proof that a URL is the client's own holds.
const PROOF_SECONDS: i64 = 30 * 24 * 60 * 60;
