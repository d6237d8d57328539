//! Push subscriptions: what the notifier does with them.

use rusqlite::params;

use super::push::{columns, one, subscription};
use super::writer::Tx;
use super::{Sql, int, push_elsewhere};
use crate::{Error, PushProgress, PushSubscription, PushSubscriptionId, PushVerdict, Result, UnixTime};

/// Those that may be due, in ascending order of id, after `after`.
///
/// A scan by id in pages: what is due depends on the account's MODSEQ, on which no index of this table could stand
/// without every delivery writing to it. 100,000 subscriptions take about a tenth of a second, once in a sweep.
pub(crate) fn due(
    sql: Sql<'_>,
    now: UnixTime,
    after: Option<PushSubscriptionId>,
    limit: usize,
) -> Result<Vec<PushSubscription>> {
    let text = format!(
        "SELECT {} FROM push_subscription p JOIN account a ON a.id = p.account_id \
         WHERE p.id > ?2 AND (p.next_attempt_at IS NULL OR p.next_attempt_at <= ?1) AND \
           (p.expires_at IS NULL OR p.expires_at > ?1) AND ( \
           (p.state = 0 AND p.token_sent = 0 AND p.token_expires_at > ?1) OR \
           (p.state = 1 AND (p.silenced_until IS NULL OR p.silenced_until <= ?1) AND \
             (p.cursor < a.modseq OR p.silenced_at IS NOT NULL OR EXISTS (SELECT 1 FROM push_elsewhere e \
                JOIN account o ON o.id = e.account_id WHERE e.subscription_id = p.id AND e.cursor < o.modseq))) OR \
           (p.state = 1 AND p.vapid_notice IS NOT NULL)) \
         ORDER BY p.id LIMIT ?3",
        columns()
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sql.all(
        "find due push subscriptions",
        &text,
        params![now.0, int(after.map_or(0, |id| id.0)), limit],
        subscription,
    )
}

/// Stores how far a device has been told. Nothing to store it in is no error: it has been removed meanwhile.
pub(crate) fn record(tx: &Tx<'_>, progress: &PushProgress) -> Result<()> {
    let attempts = &progress.attempts;
    tx.sql.run(
        "record push progress",
        "UPDATE push_subscription SET cursor = max(cursor, ?2), failures = ?3, next_attempt_at = ?4, \
         last_push_at = ?5, last_answer = ?6, last_answer_at = ?7 WHERE id = ?1",
        params![
            int(progress.id.0),
            int(progress.cursor.0),
            attempts.failures,
            attempts.next_attempt_at.map(|at| at.0),
            attempts.last_push_at.map(|at| at.0),
            attempts.last_answer,
            attempts.last_answer_at.map(|at| at.0)
        ],
    )?;
    push_elsewhere::record(tx, progress)
}

/// Applies a verdict on the subscription as it was `then`, and says whether it still stands; NotFound if it has been removed
/// meanwhile.
pub(crate) fn judge(tx: &Tx<'_>, then: &PushSubscription, verdict: PushVerdict) -> Result<bool> {
    let id = then.id;
    if !stands(&one(tx.sql, id)?, then, verdict) {
        return Ok(false);
    }
    let text = match verdict {
        PushVerdict::TokenSent => "UPDATE push_subscription SET token_sent = 1 WHERE id = ?1",
        PushVerdict::Fired => "UPDATE push_subscription SET state = 2 WHERE id = ?1",
        PushVerdict::NoticeSent => "UPDATE push_subscription SET vapid_notice = NULL WHERE id = ?1",
        PushVerdict::Remove => return delete(tx, id).map(|()| true),
        PushVerdict::Deactivate => "UPDATE push_subscription SET state = 2, token = '' WHERE id = ?1",
        PushVerdict::SilenceOver => {
            "UPDATE push_subscription SET silenced_until = NULL, silenced_at = NULL WHERE id = ?1"
        }
    };
    found(tx.sql.run("judge push subscription", text, [int(id.0)])?).map(|()| true)
}

/// Whether what a verdict is about is as it was `then`: the client may have given another endpoint, or begun another silence,
/// while the push was under way.
fn stands(now: &PushSubscription, then: &PushSubscription, verdict: PushVerdict) -> bool {
    let is_same_registration = now.endpoint == then.endpoint
        && now.public_key == then.public_key
        && now.auth == then.auth
        && now.state == then.state;
    match verdict {
        PushVerdict::TokenSent | PushVerdict::Remove | PushVerdict::Deactivate => is_same_registration,
        // Asked for again meanwhile: that has not been put yet.
        PushVerdict::Fired => {
            is_same_registration && now.request == then.request && now.updated_at == then.updated_at
        }
        PushVerdict::NoticeSent => is_same_registration && now.vapid_notice == then.vapid_notice,
        PushVerdict::SilenceOver => {
            (now.silenced_until, now.silenced_at) == (then.silenced_until, then.silenced_at)
        }
    }
}

/// Removes one.
pub(crate) fn delete(tx: &Tx<'_>, id: PushSubscriptionId) -> Result<()> {
    found(tx.sql.run(
        "remove push subscription",
        "DELETE FROM push_subscription WHERE id = ?1",
        [int(id.0)],
    )?)?;
    let text = "DELETE FROM push_elsewhere WHERE subscription_id = ?1";
    tx.sql.run("remove cursors elsewhere", text, [int(id.0)]).map(|_| ())
}

/// Voids the pending tokens of the old key, and has the active ones told about the new one. Those of JMAP stay with the old
/// one: the session resource tells their clients.
pub(crate) fn rotate_vapid(tx: &Tx<'_>, old_key: &str, new_key: &str) -> Result<u64> {
    tx.sql.run(
        "void pending tokens",
        "UPDATE push_subscription SET state = 2, token = '' WHERE state = 0 AND vapid_key = ?1 AND kind <> 3",
        [old_key],
    )?;
    let noticed = tx.sql.run(
        "plan notices",
        "UPDATE push_subscription SET vapid_notice = ?2 WHERE state = 1 AND vapid_key = ?1 AND kind <> 3",
        [old_key, new_key],
    )?;
    Ok(u64::try_from(noticed).unwrap_or(u64::MAX))
}

/// Deactivates all that was acknowledged, or is to be acknowledged, under a key.
// RFC 9749 §5: those of JMAP are destroyed.
pub(crate) fn drop_vapid(tx: &Tx<'_>, old_key: &str) -> Result<u64> {
    let destroyed = tx.sql.run(
        "remove push subscriptions of a key",
        "DELETE FROM push_subscription WHERE kind = 3 AND vapid_key = ?1",
        [old_key],
    )?;
    let dropped = tx.sql.run(
        "deactivate push subscriptions of a key",
        "UPDATE push_subscription SET state = 2, token = '', vapid_notice = NULL WHERE state <> 2 AND vapid_key = ?1",
        [old_key],
    )?;
    Ok(u64::try_from(destroyed + dropped).unwrap_or(u64::MAX))
}

fn found(rows: usize) -> Result<()> {
    if rows == 0 { Err(Error::NotFound("push subscription")) } else { Ok(()) }
}
