//! Push subscriptions: what their clients do with them. What the notifier does is in `push_state`.

use rusqlite::{Row, ToSql, params};

use super::writer::Tx;
use super::{Sql, accounts, int, push_elsewhere, time, uint};
use crate::{
    Access, AccountId, CredentialId, Error, ModSeq, NewPushSubscription, PushAttempts, PushEdit, PushKind,
    PushSilence, PushState, PushSubscription, PushSubscriptionId, PutPushSubscription, Result, UnixTime,
};

/// Creates or updates (`push.rs` of the interface has the rules).
pub(crate) fn put(tx: &Tx<'_>, access: &Access, new: &NewPushSubscription) -> Result<PutPushSubscription> {
    let credential = credential_of(tx, access)?;
    let Some(old) = find(tx.sql, access.owner(), new.kind, &new.client_id)? else {
        return insert(tx, access.owner(), credential, new);
    };
    if !may_see(access, &old) {
        return Err(Error::Exists("push subscription"));
    }
    let same = old.endpoint == new.endpoint && old.public_key == new.public_key && old.auth == new.auth;
    let in_force = matches!(&old.state, PushState::Active { vapid_key } if *vapid_key == new.vapid_key);
    let mut changes: Vec<(&str, &dyn ToSql)> = Vec::new();
    let (enabled, credential, now) = (new.enabled.join(" "), int(credential.0), tx.now.0);
    changes.extend([
        ("enabled", &enabled as &dyn ToSql),
        ("credential_id", &credential),
        ("updated_at", &now),
    ]);
    if !(same && in_force) {
        changes.extend([
            ("endpoint", &new.endpoint as &dyn ToSql),
            ("public_key", &new.public_key),
            ("auth", &new.auth),
            ("state", &PENDING),
            ("vapid_key", &new.vapid_key),
            ("token", &new.token),
            ("token_expires_at", &new.expires_at.0),
            ("token_sent", &false),
            ("vapid_notice", &None::<String>),
            ("failures", &0),
            ("next_attempt_at", &None::<i64>),
            ("silenced_until", &None::<i64>),
            ("silenced_at", &None::<i64>),
        ]);
    }
    update(tx, old.id, &changes)?;
    Ok(PutPushSubscription { subscription: one(tx.sql, old.id)?, must_acknowledge: !(same && in_force) })
}

/// The credential that a subscription belongs to, if it still is one.
pub(super) fn credential_of(tx: &Tx<'_>, access: &Access) -> Result<CredentialId> {
    let credential = access.credential().ok_or(Error::Forbidden("a push subscription needs a credential"))?;
    match super::credentials::kind_of(tx.sql, access.owner(), credential)? {
        Some(_) => Ok(credential),
        None => Err(Error::NotFound("credential")),
    }
}

pub(super) fn insert(
    tx: &Tx<'_>,
    account: AccountId,
    credential: CredentialId,
    new: &NewPushSubscription,
) -> Result<PutPushSubscription> {
    if of_account(tx.sql, account)?.len() >= new.account_max {
        return Err(Error::Limit("push subscriptions of an account"));
    }
    let id = tx.sql.one(
        "insert push subscription",
        "INSERT INTO push_subscription (account_id, credential_id, kind, client_id, endpoint, public_key, auth, \
         enabled, state, vapid_key, token, token_expires_at, token_sent, acknowledged, updated_at, cursor, failures) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, 0, ?13, ?14, 0) RETURNING id",
        params![
            int(account.0), int(credential.0), kind_column(new.kind), new.client_id, new.endpoint, new.public_key,
            new.auth, new.enabled.join(" "), PENDING, new.vapid_key, new.token, new.expires_at.0, tx.now.0,
            int(accounts::modseq(tx.sql, account)?.0)
        ],
        |row| uint(row, 0).map(PushSubscriptionId),
    )?;
    let id = id.ok_or_else(|| Error::Bug("no id for a new push subscription".into()))?;
    tx.touch(account);
    Ok(PutPushSubscription { subscription: one(tx.sql, id)?, must_acknowledge: true })
}

/// Removes one. Whether there was one that the access may know of.
pub(crate) fn remove(tx: &Tx<'_>, access: &Access, kind: PushKind, client_id: &str) -> Result<bool> {
    match find(tx.sql, access.owner(), kind, client_id)?.filter(|found| may_see(access, found)) {
        Some(found) => {
            tx.touch(found.account);
            super::push_state::delete(tx, found.id).map(|()| true)
        }
        None => Ok(false),
    }
}

/// Activates the one whose token this is (`None`: unknown, expired, or issued under another VAPID key).
pub(crate) fn acknowledge(
    tx: &Tx<'_>,
    access: &Access,
    (token, vapid_key): (&str, &str),
    now: UnixTime,
) -> Result<Option<PushSubscription>> {
    let mut found = None;
    // All of them are compared, each in constant time: neither the time nor the order tells anything about a token.
    for subscription in of_account(tx.sql, access.owner())? {
        if subscription.kind == PushKind::ImapWebPush
            && let PushState::Pending { token: known, expires_at, .. } = &subscription.state
            && aws_lc_rs::constant_time::verify_slices_are_equal(known.as_bytes(), token.as_bytes()).is_ok()
            && *expires_at > now
            && may_see(access, &subscription)
        {
            found = Some(subscription.id);
        }
    }
    let Some(id) = found else { return Ok(None) };
    let acknowledged = tx.sql.run(
        "acknowledge push subscription",
        "UPDATE push_subscription SET state = 1, token = '', token_sent = 0, failures = 0, next_attempt_at = NULL, \
         vapid_notice = NULL, cursor = CASE WHEN acknowledged = 1 THEN cursor ELSE ?3 END, acknowledged = 1 \
         WHERE id = ?1 AND vapid_key = ?2",
        params![int(id.0), vapid_key, int(accounts::modseq(tx.sql, access.owner())?.0)],
    )?;
    if acknowledged == 0 {
        return Ok(None);
    }
    push_elsewhere::follow(tx, access.owner())?;
    tx.touch(access.owner());
    one(tx.sql, id).map(Some)
}

/// Begins, prolongs or ends a timed silence.
pub(crate) fn silence(
    tx: &Tx<'_>,
    access: &Access,
    id: PushSubscriptionId,
    until: Option<UnixTime>,
) -> Result<PushSubscription> {
    let found = one(tx.sql, id)?;
    if found.account != access.owner() || !may_see(access, &found) {
        return Err(Error::NotFound("push subscription"));
    }
    if !matches!(found.state, PushState::Active { .. }) {
        return Err(Error::Forbidden("the push subscription is not active"));
    }
    // The MODSEQ at which a silence began outlives its end: the notifier says SYNC for what came in between, and then
    // judges SilenceOver. A silence that is prolonged began when it began.
    let modseq = accounts::modseq(tx.sql, found.account)?;
    tx.sql.run(
        "silence push subscription",
        "UPDATE push_subscription SET silenced_until = ?2, \
         silenced_at = CASE WHEN ?2 IS NULL THEN silenced_at ELSE ifnull(silenced_at, ?3) END WHERE id = ?1",
        params![int(id.0), until.map(|until| until.0), int(modseq.0)],
    )?;
    tx.touch(found.account);
    one(tx.sql, id)
}

/// Changes what its user may change, all of it or nothing.
pub(crate) fn edit(
    tx: &Tx<'_>,
    access: &Access,
    id: PushSubscriptionId,
    edit: &PushEdit,
) -> Result<PushSubscription> {
    let found = one(tx.sql, id)?;
    if found.account != access.owner() || !may_see(access, &found) {
        return Err(Error::NotFound("push subscription"));
    }
    if let Some(name) = &edit.name {
        update(tx, id, &[("name", name)])?;
    }
    match edit.silence {
        Some(PushSilence::Until(until)) => silence(tx, access, id, Some(until)),
        Some(PushSilence::Over) => silence(tx, access, id, None),
        None => one(tx.sql, id),
    }
}

/// Those of other accounts whose users are subscribed to mailboxes of this one, by id.
pub(crate) fn elsewhere(sql: Sql<'_>, owner: AccountId) -> Result<Vec<PushSubscription>> {
    let text = format!(
        "SELECT {} FROM push_subscription p WHERE p.id IN \
         (SELECT subscription_id FROM push_elsewhere WHERE account_id = ?1) ORDER BY p.id",
        columns()
    );
    sql.all("list push subscriptions elsewhere", &text, [int(owner.0)], subscription)
}

/// Those of an account, by id.
pub(crate) fn of_account(sql: Sql<'_>, account: AccountId) -> Result<Vec<PushSubscription>> {
    let text = format!("SELECT {} FROM push_subscription p WHERE p.account_id = ?1 ORDER BY p.id", columns());
    sql.all("list push subscriptions", &text, [int(account.0)], subscription)
}

/// One by its id.
pub(crate) fn one(sql: Sql<'_>, id: PushSubscriptionId) -> Result<PushSubscription> {
    let text = format!("SELECT {} FROM push_subscription p WHERE p.id = ?1", columns());
    sql.one("read push subscription", &text, [int(id.0)], subscription)?
        .ok_or(Error::NotFound("push subscription"))
}

/// Subscriptions belong to the credential that made them; the main password sees all.
pub(crate) fn may_see(access: &Access, subscription: &PushSubscription) -> bool {
    access.is_main() || access.credential() == Some(subscription.credential)
}

pub(super) fn find(
    sql: Sql<'_>,
    account: AccountId,
    kind: PushKind,
    client_id: &str,
) -> Result<Option<PushSubscription>> {
    let text = format!(
        "SELECT {} FROM push_subscription p WHERE p.account_id = ?1 AND p.kind = ?2 AND p.client_id = ?3",
        columns()
    );
    let key = params![int(account.0), kind_column(kind), client_id];
    sql.one("find push subscription", &text, key, subscription)
}

pub(super) fn update(tx: &Tx<'_>, id: PushSubscriptionId, changes: &[(&str, &dyn ToSql)]) -> Result<()> {
    let assignments: Vec<_> =
        (2..).zip(changes).map(|(position, (column, _))| format!("{column} = ?{position}")).collect();
    let text = format!("UPDATE push_subscription SET {} WHERE id = ?1", assignments.join(", "));
    let id = int(id.0);
    let values: Vec<_> =
        [&id as &dyn ToSql].into_iter().chain(changes.iter().map(|(_, value)| *value)).collect();
    tx.sql.run("update push subscription", &text, &values[..]).map(|_| ())
}

/// What [`subscription`] reads, of a table that is called `p` in the statement.
pub(crate) fn columns() -> String {
    format!("{OWN_COLUMNS}, {}", push_elsewhere::COLUMN)
}

/// Reads [`columns`].
pub(crate) fn subscription(row: &Row<'_>) -> rusqlite::Result<PushSubscription> {
    Ok(PushSubscription {
        id: PushSubscriptionId(uint(row, 0)?),
        account: AccountId(uint(row, 1)?),
        credential: CredentialId(uint(row, 2)?),
        kind: kind(row, 3)?,
        client_id: row.get(4)?,
        endpoint: row.get(5)?,
        public_key: row.get(6)?,
        auth: row.get(7)?,
        enabled: row.get::<_, String>(8)?.split_ascii_whitespace().map(str::to_owned).collect(),
        state: match row.get::<_, i64>(9)? {
            PENDING => PushState::Pending {
                token: row.get(11)?,
                expires_at: UnixTime(row.get(12)?),
                sent: row.get(13)?,
                vapid_key: row.get(10)?,
            },
            ACTIVE => PushState::Active { vapid_key: row.get(10)? },
            _ => PushState::Inactive,
        },
        updated_at: UnixTime(row.get(14)?),
        silenced_until: time(row, 15)?,
        cursor: ModSeq(uint(row, 16)?),
        silenced_at: row.get::<_, Option<i64>>(17)?.map(|modseq| ModSeq(modseq.cast_unsigned())),
        vapid_notice: row.get(18)?,
        request: row.get(23)?,
        name: row.get(24)?,
        device: row.get(26)?,
        code: if row.get::<_, i64>(9)? == ACTIVE { row.get(11)? } else { String::new() },
        expires_at: time(row, 27)?,
        elsewhere: push_elsewhere::parse(row.get::<_, Option<String>>(28)?.as_deref()),
        attempts: PushAttempts {
            failures: row.get(19)?,
            next_attempt_at: time(row, 20)?,
            last_push_at: time(row, 21)?,
            last_answer: row.get(22)?,
            last_answer_at: time(row, 25)?,
        },
    })
}

fn kind_column(kind: PushKind) -> i64 {
    match kind {
        PushKind::ImapWebPush => 0,
        PushKind::HttpPut => 1,
        PushKind::Apple => 2,
        PushKind::Jmap => 3,
    }
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<PushKind> {
    match row.get(column)? {
        0 => Ok(PushKind::ImapWebPush),
        1 => Ok(PushKind::HttpPut),
        2 => Ok(PushKind::Apple),
        3 => Ok(PushKind::Jmap),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

const OWN_COLUMNS: &str = "p.id, p.account_id, p.credential_id, p.kind, p.client_id, p.endpoint, p.public_key, p.auth, \
     p.enabled, p.state, p.vapid_key, p.token, p.token_expires_at, p.token_sent, p.updated_at, p.silenced_until, \
     p.cursor, p.silenced_at, p.vapid_notice, p.failures, p.next_attempt_at, p.last_push_at, p.last_answer, p.request, \
     p.name, p.last_answer_at, p.device, p.expires_at";
pub(super) const PENDING: i64 = 0;
pub(super) const ACTIVE: i64 = 1;
