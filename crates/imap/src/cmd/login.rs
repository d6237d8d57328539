//! LOGIN (RFC 9051 §6.2.3), and what it shares with AUTHENTICATE: how both end.

use std::time::Duration;

use authentication::plain::Plain;
use authentication::{Authenticated, Refusal, Rejection};
use store::SessionId;
use tokio::time::Instant;

use crate::cmd::capability::capabilities;
use crate::cmd::{Context, Done, now};
use crate::reply::Failure;
use crate::wire::command::Login;
use crate::wire::status::{Code, Status};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, login: Login) -> Result<Done, Failure> {
    if !context.session.is_anonymous() {
        return Err(Failure::bad("already logged in"));
    }
    if !context.surroundings().channel.is_private {
        return Err(privacy_required());
    }
    let shown = Plain { authzid: "", authcid: &login.user, password: login.password.expose() };
    match context.server.options.authenticator.password(shown, context.origin.counted).await {
        Ok(authenticated) => enter(context, authenticated).await,
        Err(rejection) => refused(&rejection),
    }
}

/// Refuses any secret that others could read on the way (RFC 5530 §3, PRIVACYREQUIRED).
pub(crate) fn privacy_required() -> Failure {
    Failure::refused(Code::PrivacyRequired, "turn on TLS before you send a password")
}

/// Begins the session of who has proven to be who he is.
pub(crate) async fn enter(context: &mut Context<'_>, authenticated: Authenticated) -> Result<Done, Failure> {
    let Authenticated { access, began, until, .. } = authenticated;
    let sessions = &context.server.sessions;
    let Some(entered) = sessions.enter(&access, began) else {
        return Err(Failure::refused(Code::Limit, "too many connections of this account"));
    };
    // What was revoked while the password was looked at, and has been told to all who had entered by then.
    sessions.revoke(&context.store().revocations_since(began).await?);
    let session = SessionId(uuid::Uuid::new_v4().as_u64_pair().0);
    let ends = until.map(|until| {
        let left = u64::try_from(until.0.saturating_sub(now().0)).unwrap_or_default();
        Instant::now() + Duration::from_secs(left.min(SESSION_SECONDS_MAX))
    });
    context.session.log_in(access.in_session(session), entered, ends);
    // RFC 9051 §6.2.3: the new capabilities with the OK save a round trip.
    let capabilities = capabilities(context.session, &context.surroundings());
    Ok(Done::Status(Status::ok("logged in").with(Code::Capability(capabilities))))
}

/// The end of an attempt that was not right (RFC 5530 §3).
pub(crate) fn refused(rejection: &Rejection) -> Result<Done, Failure> {
    let code = match &rejection.refusal {
        Refusal::Malformed(why) => return Err(Failure::bad(*why)),
        Refusal::Unavailable(why) => return Err(store::Error::Unavailable(why.clone()).into()),
        Refusal::Bug(why) => return Err(store::Error::Bug(why.clone()).into()),
        Refusal::WrongCredentials | Refusal::InvalidToken => Code::AuthenticationFailed,
        Refusal::NotAuthorized | Refusal::InsufficientScope => Code::AuthorizationFailed,
        Refusal::Banned(_) => Code::Limit,
        Refusal::Expired => Code::Expired,
    };
    metrics::counter!("mailbell_imap_login_failures_total").increment(1);
    let status = Status::no(rejection.refusal.to_string()).with(code);
    Ok(Done::LoginFailed { status, delay: rejection.delay })
}

/// A token that is good for longer ends its session after this all the same.
const SESSION_SECONDS_MAX: u64 = 365 * 24 * 3600;
