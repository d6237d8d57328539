//! WEBPUSH (draft-gougeon-imap-webpush §5.2): creates, updates and deletes push subscriptions; and what the other commands
//! about them share.

use std::sync::Arc;

use store::{NewPushSubscription, PushKind, PushState, PushSubscription, UnixTime};
use uuid::Uuid;
use webpush::key::PublicKey;

use crate::cmd::{Context, Done, done, now};
use crate::push::registrar::{Registrar, TOKEN_SECONDS};
use crate::reply::Failure;
use crate::wire::response::Response;
use crate::wire::status::Code;
use crate::wire::webpush::{PutSubscription, WebPush};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, webpush: WebPush) -> Result<Done, Failure> {
    let access = context.session.access()?;
    match webpush {
        WebPush::Put(put) => self::put(context, put).await?,
        WebPush::Delete(id) => {
            // An unknown id is no failure.
            context.store().remove_push_subscription(access, PushKind::ImapWebPush, id.as_str()).await?;
        }
    }
    done("WEBPUSH")
}

async fn put(context: &mut Context<'_>, put: PutSubscription) -> Result<(), Failure> {
    let registrar = Arc::clone(context.registrar());
    let access = context.session.access()?;
    let cannot = |why: String| Failure::refused(Code::Cannot, why);
    PublicKey::from_bytes(&put.public_key).map_err(|error| cannot(error.to_string()))?;
    let endpoint = registrar
        .policy
        .parse_endpoint(&put.endpoint)
        .map_err(|error| cannot(format!("endpoint: {error}")))?;
    let now = now();
    registrar
        .admit(access.owner(), &endpoint, now)
        .map_err(|error| Failure::refused(Code::Limit, error.to_string()))?;
    let vapid_key = registrar.keys.current_id();
    let new = NewPushSubscription {
        account_max: registrar.subscriptions_per_account(),
        kind: PushKind::ImapWebPush,
        client_id: put.id.as_str().to_owned(),
        endpoint: put.endpoint,
        public_key: put.public_key.to_vec(),
        auth: put.auth.to_vec(),
        enabled: context.session.enabled.names().into_iter().map(str::to_owned).collect(),
        vapid_key: vapid_key.clone(),
        token: Uuid::new_v4().to_string(),
        expires_at: UnixTime(now.0.saturating_add(TOKEN_SECONDS)),
    };
    let put = match context.store().put_push_subscription(access, new).await {
        Ok(put) if put.must_acknowledge => {
            registrar.pushed(access.owner(), &endpoint, put.subscription.id);
            registrar.handle.altered(put.subscription.id);
            put
        }
        // Unchanged (what its push service demanded stays in force), or refused.
        answer => {
            registrar.not_pushed(access.owner(), &endpoint);
            answer?
        }
    };
    context.untagged(&Response::Vapid(&vapid_key));
    tell(context, &put.subscription);
    Ok(())
}

/// Writes the WEBPUSH response of a subscription.
pub(crate) fn tell(context: &mut Context<'_>, subscription: &PushSubscription) {
    let duration = silence_left(subscription, now());
    context.untagged(&Response::WebPush {
        id: &subscription.client_id,
        endpoint: &subscription.endpoint,
        duration,
    });
}

/// draft-gougeon-imap-webpush §6.2: the seconds of silence that remain, NIL for an inactive subscription. A silence for the
/// session does not show.
fn silence_left(subscription: &PushSubscription, now: UnixTime) -> Option<u32> {
    let is_active = matches!(subscription.state, PushState::Active { .. });
    let left = subscription.silenced_until.map_or(0, |until| until.0.saturating_sub(now.0).max(0));
    is_active.then_some(u32::try_from(left).unwrap_or(u32::MAX))
}

impl Context<'_> {
    /// What the WEBPUSH commands work with.
    pub(crate) fn registrar(&self) -> &Arc<Registrar> {
        &self.server.options.push
    }
}
