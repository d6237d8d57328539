//! Push subscriptions of JMAP (RFC 8620 §7.2): they belong to the credential that made them, whichever that is, have an end,
//! and are proven by a code.

use rusqlite::params;

use super::push::{credential_of, find, insert, one, update};
use super::writer::Tx;
use super::{Sql, accounts, int};
use crate::{
    Access, EditedJmapSubscription, JmapSubscriptionEdit, NewJmapSubscription, NewPushSubscription, PushKind,
    PushState, PushSubscription, Result, UnixTime, WRONG_CODES_MAX,
};

/// Creates one, Pending.
pub(crate) fn create(tx: &Tx<'_>, access: &Access, new: &NewJmapSubscription) -> Result<PushSubscription> {
    let credential = credential_of(tx, access)?;
    let row = NewPushSubscription {
        account_max: new.account_max,
        kind: PushKind::Jmap,
        client_id: new.id.clone(),
        endpoint: new.endpoint.clone(),
        public_key: new.public_key.clone(),
        auth: new.auth.clone(),
        enabled: Vec::new(),
        vapid_key: new.vapid_key.clone(),
        token: new.code.clone(),
        expires_at: new.code_expires_at,
    };
    let id = insert(tx, access.owner(), credential, &row)?.subscription.id;
    let changes: [(&str, &dyn rusqlite::ToSql); 3] =
        [("request", &new.request), ("device", &new.device), ("expires_at", &new.expires_at.0)];
    update(tx, id, &changes)?;
    one(tx.sql, id)
}

/// Changes one that the credential has made; `None`: there is none of that id.
pub(crate) fn edit(
    tx: &Tx<'_>,
    access: &Access,
    id: &str,
    (edit, now): (&JmapSubscriptionEdit, UnixTime),
) -> Result<Option<EditedJmapSubscription>> {
    let Some(found) = own(tx.sql, access, id)?.filter(|found| !is_over(found, now)) else { return Ok(None) };
    if let Some(code) = &edit.code {
        match &found.state {
            PushState::Pending { token, expires_at, .. } if is_same(token, code) && *expires_at > now => {
                verify(tx, &found)?;
            }
            PushState::Active { .. } if is_same(&found.code, code) => {}
            _ => {
                count_wrong_code(tx, &found)?;
                return Ok(Some(EditedJmapSubscription::WrongCode));
            }
        }
    }
    let mut changes: Vec<(&str, &dyn rusqlite::ToSql)> = vec![("updated_at", &tx.now.0)];
    if let Some(expires_at) = &edit.expires_at {
        changes.push(("expires_at", &expires_at.0));
    }
    if let Some(request) = &edit.request {
        changes.push(("request", request));
    }
    update(tx, found.id, &changes)?;
    tx.touch(found.account);
    one(tx.sql, found.id).map(|now| Some(EditedJmapSubscription::Done(Box::new(now))))
}

/// Removes one that the credential has made; whether there was one.
pub(crate) fn remove(tx: &Tx<'_>, access: &Access, id: &str) -> Result<bool> {
    let Some(found) = own(tx.sql, access, id)? else { return Ok(false) };
    super::push_state::delete(tx, found.id).map(|()| true)
}

/// Whether there are any that have ended.
pub(crate) fn any_expired(sql: Sql<'_>, now: UnixTime) -> Result<bool> {
    let text = format!("SELECT 1 FROM push_subscription WHERE {HAS_ENDED} LIMIT 1");
    sql.one("look for expired push subscriptions", &text, [now.0], |_| Ok(())).map(|found| found.is_some())
}

/// Removes those that have ended; how many.
pub(crate) fn remove_expired(tx: &Tx<'_>, now: UnixTime) -> Result<usize> {
    let text = format!("DELETE FROM push_subscription WHERE {HAS_ENDED}");
    tx.sql.run("remove expired push subscriptions", &text, [now.0])
}

/// Whether it has ended: by its time, or, not verified, with its code.
pub(crate) fn is_over(subscription: &PushSubscription, now: UnixTime) -> bool {
    let code_is_over =
        matches!(&subscription.state, PushState::Pending { expires_at, .. } if *expires_at <= now);
    code_is_over || subscription.expires_at.is_some_and(|at| at <= now)
}

fn own(sql: Sql<'_>, access: &Access, id: &str) -> Result<Option<PushSubscription>> {
    let found = find(sql, access.owner(), PushKind::Jmap, id)?;
    Ok(found.filter(|found| access.credential() == Some(found.credential)))
}

/// It has proven its endpoint: it is told what comes from now on, and takes the place of what the same device had before.
fn verify(tx: &Tx<'_>, found: &PushSubscription) -> Result<()> {
    tx.sql.run(
        "verify push subscription",
        "UPDATE push_subscription SET state = 1, token_sent = 0, failures = 0, next_attempt_at = NULL, cursor = ?2, \
         acknowledged = 1 WHERE id = ?1",
        params![int(found.id.0), int(accounts::modseq(tx.sql, found.account)?.0)],
    )?;
    tx.sql.run(
        "replace push subscriptions of a device",
        "DELETE FROM push_subscription WHERE account_id = ?1 AND credential_id = ?2 AND kind = 3 AND device = ?3 AND id < ?4",
        params![int(found.account.0), int(found.credential.0), found.device, int(found.id.0)],
    )?;
    Ok(())
}

fn count_wrong_code(tx: &Tx<'_>, found: &PushSubscription) -> Result<()> {
    if !matches!(found.state, PushState::Pending { .. }) {
        return Ok(());
    }
    let id = int(found.id.0);
    let text = "UPDATE push_subscription SET wrong_codes = wrong_codes + 1 WHERE id = ?1";
    tx.sql.run("count a wrong code", text, [id])?;
    let text = "DELETE FROM push_subscription WHERE id = ?1 AND wrong_codes >= ?2";
    tx.sql.run("remove after wrong codes", text, params![id, WRONG_CODES_MAX])?;
    Ok(())
}

fn is_same(known: &str, shown: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(known.as_bytes(), shown.as_bytes()).is_ok()
}

/// As the index `push_subscription_end` has it.
const HAS_ENDED: &str =
    "expires_at IS NOT NULL AND min(expires_at, iif(state = 0, token_expires_at, expires_at)) <= ?1";
