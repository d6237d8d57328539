//! LOGIN (RFC 9051 §6.2.3), and what it shares with AUTHENTICATE: the check of name and password.

use std::time::{Duration, Instant};

use store::{RevocationMark, SessionId};

use crate::cmd::capability::capabilities;
use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::wire::command::Login;
use crate::wire::status::{Code, Status};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, login: Login) -> Result<Done, Failure> {
    may_log_in(context)?;
    check_password(context, &login.user, login.password.expose()).await
}

/// Refuses a second login, and any password that others could read on the way.
pub(crate) fn may_log_in(context: &Context<'_>) -> Result<(), Failure> {
    if !context.session.is_anonymous() {
        return Err(Failure::bad("already logged in"));
    }
    if !context.surroundings().may_send_password {
        // RFC 5530 §3: PRIVACYREQUIRED.
        return Err(Failure::refused(Code::PrivacyRequired, "turn on TLS before you send a password"));
    }
    Ok(())
}

/// Checks a password and logs in.
pub(crate) async fn check_password(
    context: &mut Context<'_>,
    user: &str,
    password: &str,
) -> Result<Done, Failure> {
    let name = account_name(context, user).await?;
    let (guessing, peer) = (&context.server.options.guessing, context.origin.counted);
    if let Err(banned) = guessing.may_try(peer, &name, Instant::now()) {
        metrics::counter!("mailbell_imap_login_failures_total").increment(1);
        let text = format!("too many wrong passwords, try again in {} seconds", banned.wait.as_secs() + 1);
        return Ok(Done::LoginFailed { status: Status::no(text).with(Code::Limit), delay: Duration::ZERO });
    }
    // Before the password is looked at, so that no revocation falls between.
    let began = context.store().revocation_mark().await?;
    let Some(access) = context.store().authenticate(&name, password).await? else {
        return Ok(failed(context, &name));
    };
    guessing.succeeded(peer, &name, Instant::now());
    enter(context, access, began).await
}

/// Counts a wrong password.
fn failed(context: &Context<'_>, name: &str) -> Done {
    let peer = context.origin.counted;
    let cost = context.server.options.guessing.failed(peer, name, Instant::now());
    metrics::counter!("mailbell_imap_login_failures_total").increment(1);
    let shown = peer.map(tracing::field::display);
    tracing::info!(peer = shown, delay_ms = cost.delay.as_millis(), "auth.failed");
    if let Some(ban) = cost.peer_banned {
        tracing::warn!(peer = shown, seconds = ban.as_secs(), "auth.peer_banned");
    }
    if let Some(ban) = cost.account_closed {
        tracing::warn!(account = name, seconds = ban.as_secs(), "auth.account_closed");
    }
    let status = Status::no("wrong name or password").with(Code::AuthenticationFailed);
    Done::LoginFailed { status, delay: cost.delay }
}

/// Begins the session of who has proven to be who he is, after `began`.
async fn enter(
    context: &mut Context<'_>,
    access: store::Access,
    began: RevocationMark,
) -> Result<Done, Failure> {
    let sessions = &context.server.sessions;
    let Some(entered) = sessions.enter(&access, began) else {
        return Err(Failure::refused(Code::Limit, "too many connections of this account"));
    };
    // What was revoked while the password was looked at, and has been told to all who had entered by then.
    sessions.revoke(&context.store().revocations_since(began).await?);
    let session = SessionId(uuid::Uuid::new_v4().as_u64_pair().0);
    context.session.log_in(access.in_session(session), entered);
    // RFC 9051 §6.2.3: the new capabilities with the OK save a round trip.
    let capabilities = capabilities(context.session, &context.surroundings());
    Ok(Done::Status(Status::ok("logged in").with(Code::Capability(capabilities))))
}

/// Accounts may be called `alice` or `alice@example.org`; with either, a user may write the other.
async fn account_name(context: &Context<'_>, user: &str) -> Result<String, Failure> {
    let hostname = &context.server.options.hostname;
    let other = match user.rsplit_once('@') {
        Some((local, domain)) if domain.eq_ignore_ascii_case(hostname) => local.to_owned(),
        Some(_) => return Ok(user.to_owned()),
        None => format!("{user}@{hostname}"),
    };
    let is_known = context.store().account_named(user).await?.is_some();
    Ok(if is_known { user.to_owned() } else { other })
}
