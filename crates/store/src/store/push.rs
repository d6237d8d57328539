//! Push subscriptions.

use std::sync::Arc;

use crate::sqlite::{Sql, accounts, push, push_request, push_state};
use crate::{
    Access, AccountId, Error, NewPushRequest, NewPushSubscription, PUSH_NAME_CHARACTERS_MAX, PushEdit,
    PushKind, PushProgress, PushSubscription, PushSubscriptionId, PushVerdict, PutPushSubscription, Result,
    Store, UnixTime,
};

impl Store {
    /// Creates or updates. A new one, an altered one and one that is active under another VAPID key are Pending
    /// afterwards, unsilenced, with the new token; the cursor of an existing one stays. At most as many for an account as
    /// `new` says.
    ///
    /// # Errors
    /// Forbidden for the system and for others than the owner, Exists if another credential has one of this id and the access is
    /// not the main password's, Limit, NotFound once the credential is revoked, Invalid.
    pub async fn put_push_subscription(
        &self,
        access: &Access,
        new: NewPushSubscription,
    ) -> Result<PutPushSubscription> {
        access.account()?;
        check(&new)?;
        let access = access.clone();
        self.inner.write_in_order(move |tx| push::put(tx, &access, &new)).await
    }

    /// Asks for pushes that are not Web Pushes. What the same identity asked for before is replaced. Without a proof of the
    /// endpoint that is recent enough it is Pending afterwards, with the token; else active, and told of what changes
    /// from now on.
    ///
    /// # Errors
    /// As [`Store::put_push_subscription`]; Invalid for a version that is not above those before.
    pub async fn put_push_request(
        &self,
        access: &Access,
        new: NewPushRequest,
    ) -> Result<PutPushSubscription> {
        access.account()?;
        if new.endpoint.len() > ENDPOINT_BYTES_MAX || new.request.len() > REQUEST_BYTES_MAX {
            return Err(Error::Invalid { what: "push request", why: "too long".into() });
        }
        let access = access.clone();
        self.inner.write_in_order(move |tx| push_request::put(tx, &access, &new)).await
    }

    /// The client proves that a token has reached it. `None`: unknown, expired at `now`, or already confirmed.
    ///
    /// # Errors
    /// Forbidden, Unavailable.
    pub async fn confirm_push_request(
        &self,
        access: &Access,
        (kind, identity): (PushKind, &str),
        token: &str,
        now: UnixTime,
    ) -> Result<Option<PushSubscription>> {
        access.account()?;
        let (access, identity, token) = (access.clone(), identity.to_owned(), token.to_owned());
        self.inner
            .write_in_order(move |tx| push_request::confirm(tx, &access, (kind, &identity), (&token, now)))
            .await
    }

    /// Removes one; whether there was one that the access may know of.
    ///
    /// # Errors
    /// Forbidden, Unavailable.
    pub async fn remove_push_subscription(
        &self,
        access: &Access,
        kind: PushKind,
        client_id: &str,
    ) -> Result<bool> {
        access.account()?;
        let (access, client_id) = (access.clone(), client_id.to_owned());
        self.inner.write_in_order(move |tx| push::remove(tx, &access, kind, &client_id)).await
    }

    /// Those of the access's credential, by id; of all credentials for the main password and the system.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn push_subscriptions(&self, access: &Access) -> Result<Vec<PushSubscription>> {
        let access = access.clone();
        let mut all = self.account_push_subscriptions(access.account()?).await?;
        all.retain(|subscription| push::may_see(&access, subscription));
        Ok(all)
    }

    /// Activates the subscription that this token was pushed to. `None`: unknown, expired at `now`, or issued under
    /// another VAPID key. A first acknowledgement puts the cursor at the account's MODSEQ; a later one leaves it.
    ///
    /// # Errors
    /// NotFound if the account is gone, Forbidden.
    pub async fn acknowledge_push_subscription(
        &self,
        access: &Access,
        token: &str,
        vapid_key: &str,
        now: UnixTime,
    ) -> Result<Option<PushSubscription>> {
        access.account()?;
        let (access, token, vapid_key) = (access.clone(), token.to_owned(), vapid_key.to_owned());
        self.inner.write_in_order(move |tx| push::acknowledge(tx, &access, (&token, &vapid_key), now)).await
    }

    /// Begins or prolongs a timed silence; `None` ends it.
    ///
    /// # Errors
    /// NotFound if it is unknown to this access, Forbidden if it is not active.
    pub async fn silence_push_subscription(
        &self,
        access: &Access,
        id: PushSubscriptionId,
        until: Option<UnixTime>,
    ) -> Result<PushSubscription> {
        access.account()?;
        let access = access.clone();
        self.inner.write_in_order(move |tx| push::silence(tx, &access, id, until)).await
    }

    /// Changes what its user may change, all of it or nothing.
    ///
    /// # Errors
    /// NotFound if it is unknown to this access, Invalid for a name that can't be, Forbidden for the silence of one that is
    /// not active.
    pub async fn edit_push_subscription(
        &self,
        access: &Access,
        id: PushSubscriptionId,
        edit: PushEdit,
    ) -> Result<PushSubscription> {
        access.account()?;
        if let Some(name) = &edit.name {
            check_name(name)?;
        }
        let access = access.clone();
        self.inner.write_in_order(move |tx| push::edit(tx, &access, id, &edit)).await
    }

    /// For the notifier: one.
    ///
    /// # Errors
    /// NotFound.
    pub async fn push_subscription(&self, id: PushSubscriptionId) -> Result<PushSubscription> {
        let lazy = Arc::clone(self.inner.lazy());
        self.read(move |sql| {
            let mut subscription = push::one(sql, id)?;
            lazy.overlay(&mut subscription);
            Ok(subscription)
        })
        .await
    }

    /// For the notifier: those of one account, by id.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn account_push_subscriptions(&self, account: AccountId) -> Result<Vec<PushSubscription>> {
        self.as_noted(move |sql| {
            accounts::modseq(sql, account)?;
            push::of_account(sql, account)
        })
        .await
    }

    /// For the notifier: those that may have to be told that an account has changed, its own and those of others who are
    /// subscribed to mailboxes of it. Whether they may be told of anything is asked when it is composed.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn push_subscriptions_told_of(&self, account: AccountId) -> Result<Vec<PushSubscription>> {
        // One read: this is asked after every delivery.
        self.as_noted(move |sql| {
            accounts::modseq(sql, account)?;
            let mut all = push::of_account(sql, account)?;
            all.extend(push::elsewhere(sql, account)?);
            Ok(all)
        })
        .await
    }

    /// For the notifier at its start and its sweep: those that may be due (cursor behind, token or notice unsent, silence
    /// over) and whose next attempt is not in the future, by id, in pages after an id.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn due_push_subscriptions(
        &self,
        now: UnixTime,
        after: Option<PushSubscriptionId>,
        limit: usize,
    ) -> Result<Vec<PushSubscription>> {
        self.as_noted(move |sql| push_state::due(sql, now, after, limit)).await
    }

    /// Reads push subscriptions, with what is noted of them and not stored yet.
    async fn as_noted(
        &self,
        read: impl FnOnce(Sql<'_>) -> Result<Vec<PushSubscription>> + Send + 'static,
    ) -> Result<Vec<PushSubscription>> {
        let lazy = Arc::clone(self.inner.lazy());
        self.read(move |sql| {
            let mut found = read(sql)?;
            found.iter_mut().for_each(|subscription| lazy.overlay(subscription));
            Ok(found)
        })
        .await
    }

    /// Notes how far devices have been told: seen by all reads at once, on disk within about a second.
    ///
    /// # Errors
    /// None today; a backend without memory of its own would say Unavailable.
    pub async fn record_push_progress(&self, progress: Vec<PushProgress>) -> Result<()> {
        self.inner.lazy().record(progress);
        Ok(())
    }

    /// Applies a verdict of the notifier on a subscription as it was `then`, durable at once. Whether it was applied: not
    /// if its client has altered meanwhile what the verdict is about, for then it is about something that is no more.
    ///
    /// # Errors
    /// NotFound if it has been removed meanwhile.
    pub async fn judge_push_subscription(
        &self,
        then: &PushSubscription,
        verdict: PushVerdict,
    ) -> Result<bool> {
        let then = then.clone();
        self.inner.write_in_order(move |tx| push_state::judge(tx, &then, verdict)).await
    }

    /// The VAPID key was rotated: pending tokens of the old key are void, active subscriptions get a notice, which the
    /// notifier spreads over time. How many.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn rotate_vapid(&self, old_key: &str, new_key: &str) -> Result<u64> {
        let (old_key, new_key) = (old_key.to_owned(), new_key.to_owned());
        self.inner.write_in_order(move |tx| push_state::rotate_vapid(tx, &old_key, &new_key)).await
    }

    /// The old key is gone: deactivates what stood on it. How many.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn drop_vapid(&self, old_key: &str) -> Result<u64> {
        let old_key = old_key.to_owned();
        self.inner.write_in_order(move |tx| push_state::drop_vapid(tx, &old_key)).await
    }
}

fn check(new: &NewPushSubscription) -> Result<()> {
    let invalid = |what, why: &str| Err(Error::Invalid { what, why: why.into() });
    if new.client_id.is_empty() || new.client_id.len() > CLIENT_ID_BYTES_MAX {
        return invalid("push subscription id", "not 1 to 255 bytes");
    }
    if new.endpoint.len() > ENDPOINT_BYTES_MAX {
        return invalid("endpoint", "longer than 2048 bytes");
    }
    if new.public_key.len() != 65 || new.auth.len() != 16 {
        return invalid("push keys", "not 65 and 16 bytes");
    }
    if new.enabled.len() > ENABLED_MAX || new.enabled.iter().any(|name| name.contains(char::is_whitespace)) {
        return invalid("enabled capabilities", "not at most 64 atoms");
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let is_long = name.chars().nth(PUSH_NAME_CHARACTERS_MAX).is_some();
    if is_long || name.chars().any(char::is_control) {
        let why = "longer than 100 characters, or with control characters".into();
        return Err(Error::Invalid { what: "name", why });
    }
    Ok(())
}

const CLIENT_ID_BYTES_MAX: usize = 255;
pub(super) const ENDPOINT_BYTES_MAX: usize = 2048;
const ENABLED_MAX: usize = 64;
const REQUEST_BYTES_MAX: usize = 4096;
