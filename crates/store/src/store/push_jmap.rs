//! Push subscriptions of JMAP. What the notifier does with them is what it does with all.

use super::push::ENDPOINT_BYTES_MAX;
use crate::sqlite::push_jmap;
use crate::{
    Access, EditedJmapSubscription, Error, JmapSubscriptionEdit, NewJmapSubscription, PushKind,
    PushSubscription, Result, Store, UnixTime,
};

impl Store {
    /// Creates one, Pending: its code has to be pushed to it and shown.
    ///
    /// # Errors
    /// Forbidden for the system and for readers, Limit, NotFound once the credential is revoked, Invalid.
    pub async fn create_jmap_subscription(
        &self,
        access: &Access,
        new: NewJmapSubscription,
    ) -> Result<PushSubscription> {
        access.account()?;
        let keys = (new.public_key.len(), new.auth.len());
        if !matches!(keys, (65, 16) | (0, 0)) {
            return invalid("push keys", "not 65 and 16 bytes");
        }
        if new.device.is_empty() || new.device.len() > DEVICE_BYTES_MAX {
            return invalid("device", "not 1 to 255 bytes");
        }
        if new.endpoint.len() > ENDPOINT_BYTES_MAX {
            return invalid("endpoint", "longer than 2048 bytes");
        }
        check_request(&new.request)?;
        let access = access.clone();
        self.inner.write_in_order(move |tx| push_jmap::create(tx, &access, &new)).await
    }

    /// Those that the access's own credential has made and that have not ended at `now`, by id.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn jmap_subscriptions(&self, access: &Access, now: UnixTime) -> Result<Vec<PushSubscription>> {
        let credential = access.credential();
        let mut all = self.account_push_subscriptions(access.account()?).await?;
        all.retain(|found| {
            found.kind == PushKind::Jmap
                && Some(found.credential) == credential
                && !push_jmap::is_over(found, now)
        });
        Ok(all)
    }

    /// Changes one that the access's own credential has made. `None`: there is none of that id, or it has ended.
    ///
    /// # Errors
    /// Forbidden, Invalid, Unavailable.
    pub async fn edit_jmap_subscription(
        &self,
        access: &Access,
        id: &str,
        edit: JmapSubscriptionEdit,
        now: UnixTime,
    ) -> Result<Option<EditedJmapSubscription>> {
        access.account()?;
        edit.request.as_deref().map_or(Ok(()), check_request)?;
        let (access, id) = (access.clone(), id.to_owned());
        self.inner.write_in_order(move |tx| push_jmap::edit(tx, &access, &id, (&edit, now))).await
    }

    /// Removes one that the access's own credential has made; whether there was one.
    ///
    /// # Errors
    /// Forbidden, Unavailable.
    pub async fn remove_jmap_subscription(&self, access: &Access, id: &str) -> Result<bool> {
        access.account()?;
        let (access, id) = (access.clone(), id.to_owned());
        self.inner.write_in_order(move |tx| push_jmap::remove(tx, &access, &id)).await
    }

    /// Removes the subscriptions that have ended, of all accounts. How many.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn remove_expired_push_subscriptions(&self, now: UnixTime) -> Result<usize> {
        if !self.read(move |sql| push_jmap::any_expired(sql, now)).await? {
            return Ok(0);
        }
        self.inner.write_in_order(move |tx| push_jmap::remove_expired(tx, now)).await
    }
}

fn check_request(request: &str) -> Result<()> {
    if request.len() > REQUEST_BYTES_MAX { invalid("push request", "longer than 16 KiB") } else { Ok(()) }
}

fn invalid<T>(what: &'static str, why: &str) -> Result<T> {
    Err(Error::Invalid { what, why: why.into() })
}

const DEVICE_BYTES_MAX: usize = 255;
const REQUEST_BYTES_MAX: usize = 16 * 1024;
