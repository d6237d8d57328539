//! Who asks: HTTP's Basic (RFC 7617) and Bearer (RFC 6750), RFC 8620 §1.7 and §8.2.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use authentication::plain::Plain;
use authentication::{Authenticated, Channel, Mechanism, Refusal, Rejection};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::answer::{self, Body};
use super::clients::Client;
use crate::reply::Problem;
use crate::server::{Caller, Inner};

/// Finds out who asks.
///
/// # Errors
/// The answer for who is not let in: 401 with what is offered, 403 where others could read the password, 429 with
/// the time to wait, 503.
pub(crate) async fn client(
    server: &Inner,
    headers: &HeaderMap,
    caller: Caller,
) -> Result<Client, Box<Response<Body>>> {
    let authenticator = &server.options.authenticator;
    let at = Instant::now();
    if let Err(banned) = authenticator.guessing().may_connect(caller.peer, at) {
        return Err(Box::new(refused(server, &Refusal::Banned(banned.wait))));
    }
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Err(Box::new(challenge(server, None)));
    };
    // RFC 8620 §8.1: TLS is required; without it only this machine and trusted networks are served.
    if !caller.is_encrypted && caller.peer.is_some() {
        let why = "passwords and tokens are taken over https only";
        return Err(Box::new(answer::problem(&Problem::Status(StatusCode::FORBIDDEN, why))));
    }
    if let Some(known) = server.clients.find(header.as_bytes(), at, now()) {
        return Ok(known);
    }
    let shown = match proven(server, header, caller).await {
        Ok(shown) => shown,
        Err(Rejection { refusal, delay }) => {
            tokio::time::sleep(delay).await;
            return Err(Box::new(refused(server, &refusal)));
        }
    };
    match server.store.account(shown.access.owner()).await {
        Ok(account) => Ok(server.clients.remember(header.as_bytes(), shown, Arc::from(account.name), at)),
        Err(store::Error::NotFound(_)) => Err(Box::new(refused(server, &Refusal::WrongCredentials))),
        Err(error) => Err(Box::new(refused(server, &Refusal::Unavailable(error.to_string())))),
    }
}

async fn proven(server: &Inner, header: &HeaderValue, caller: Caller) -> Result<Authenticated, Rejection> {
    let malformed = || Rejection {
        refusal: Refusal::Malformed("neither Basic nor Bearer"),
        delay: std::time::Duration::ZERO,
    };
    let text = header.to_str().map_err(|_| malformed())?;
    let (scheme, value) = text.split_once(' ').ok_or_else(malformed)?;
    let value = value.trim_matches(' ');
    let authenticator = &server.options.authenticator;
    if scheme.eq_ignore_ascii_case("bearer") {
        return authenticator.token(value, caller.peer).await;
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(malformed)?;
    // RFC 7617 §2: the first colon ends the name.
    let (authcid, password) = decoded.split_once(':').ok_or_else(malformed)?;
    if authcid.is_empty() || password.is_empty() {
        return Err(malformed());
    }
    authenticator.password(Plain { authzid: "", authcid, password }, caller.peer).await
}

fn refused(server: &Inner, refusal: &Refusal) -> Response<Body> {
    match refusal {
        Refusal::Banned(wait) => {
            let why = "too many wrong passwords or tokens; wait";
            let mut refused = answer::problem(&Problem::Status(StatusCode::TOO_MANY_REQUESTS, why));
            answer::retry_after(&mut refused, *wait);
            refused
        }
        Refusal::Unavailable(why) => {
            tracing::warn!(why, "cannot say who asks");
            let why = "cannot say now whether that is right";
            answer::problem(&Problem::Status(StatusCode::SERVICE_UNAVAILABLE, why))
        }
        Refusal::Bug(why) => {
            tracing::error!(why, "authentication failed");
            answer::problem(&Problem::Status(StatusCode::INTERNAL_SERVER_ERROR, "authentication failed"))
        }
        other => challenge(server, Some(other)),
    }
}

/// What is offered (RFC 7235 §4.1), and what is wrong with a token that was shown (RFC 6750 §3).
fn challenge(server: &Inner, refusal: Option<&Refusal>) -> Response<Body> {
    let authenticator = &server.options.authenticator;
    let why = "name and password (Basic) or a token (Bearer) are needed";
    let mut answer = answer::problem(&Problem::Status(StatusCode::UNAUTHORIZED, why));
    let headers = answer.headers_mut();
    headers.append(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"Mailbell\", charset=\"UTF-8\""),
    );
    let advice = refusal.and_then(|refusal| authenticator.advice(refusal));
    let bearer = match advice {
        Some(advice) if advice.scope.is_empty() => {
            Some(format!("Bearer realm=\"Mailbell\", error=\"{}\"", advice.status))
        }
        Some(advice) => Some(format!(
            "Bearer realm=\"Mailbell\", error=\"{}\", scope=\"{}\"",
            advice.status, advice.scope
        )),
        None if takes_tokens(server) => Some("Bearer realm=\"Mailbell\"".to_owned()),
        None => None,
    };
    if let Some(value) = bearer.and_then(|bearer| HeaderValue::try_from(bearer).ok()) {
        headers.append(header::WWW_AUTHENTICATE, value);
    }
    answer
}

fn takes_tokens(server: &Inner) -> bool {
    let channel = Channel { is_private: true, is_bindable: false };
    server.options.authenticator.mechanisms(channel).any(Mechanism::takes_token)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
