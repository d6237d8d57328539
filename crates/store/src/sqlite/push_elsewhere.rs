//! How far push subscriptions have been told of others' mailboxes.
//!
//! A cursor is there from the moment on that the user subscribes (SUBSCRIBE) to a mailbox of another account, or that the
//! push subscription is first acknowledged, whichever comes later: nothing from before is told. It goes when the user is
//! subscribed to none of that account's mailboxes any more, or the push subscription goes.
//!
//! Only Web Push has them: what the other kinds push is about the user's own mailboxes.

use std::collections::{BTreeMap, BTreeSet};

use super::writer::Tx;
use super::{Sql, accounts, int, uint};
use crate::{AccountId, CursorsElsewhere, ModSeq, OTHER_USERS, PushProgress, PushSubscriptionId, Result};

/// Brings the cursors of an account's push subscriptions in line with the mailboxes that it is subscribed to.
pub(crate) fn follow(tx: &Tx<'_>, account: AccountId) -> Result<()> {
    let owners = owners(tx.sql, account)?;
    let subscriptions = tx.sql.all(
        "list acknowledged push subscriptions",
        "SELECT id FROM push_subscription WHERE account_id = ?1 AND kind = 0 AND acknowledged = 1",
        [int(account.0)],
        |row| uint(row, 0).map(PushSubscriptionId),
    )?;
    for id in subscriptions {
        let known: BTreeSet<AccountId> = tx
            .sql
            .all(
                "list cursors elsewhere",
                "SELECT account_id FROM push_elsewhere WHERE subscription_id = ?1",
                [int(id.0)],
                |row| uint(row, 0).map(AccountId),
            )?
            .into_iter()
            .collect();
        for gone in known.iter().filter(|owner| !owners.contains_key(owner)) {
            let text = "DELETE FROM push_elsewhere WHERE subscription_id = ?1 AND account_id = ?2";
            tx.sql.run("remove cursor elsewhere", text, [int(id.0), int(gone.0)])?;
        }
        for (owner, modseq) in owners.iter().filter(|(owner, _)| !known.contains(owner)) {
            tx.sql.run(
                "insert cursor elsewhere",
                "INSERT INTO push_elsewhere (subscription_id, account_id, cursor) VALUES (?1, ?2, ?3)",
                [int(id.0), int(owner.0), int(modseq.0)],
            )?;
        }
    }
    Ok(())
}

/// Stores how far a device has been told. A cursor that is gone stays so.
pub(crate) fn record(tx: &Tx<'_>, progress: &PushProgress) -> Result<()> {
    for (owner, cursor) in progress.elsewhere.iter() {
        tx.sql.run(
            "record push progress elsewhere",
            "UPDATE push_elsewhere SET cursor = max(cursor, ?3) WHERE subscription_id = ?1 AND account_id = ?2",
            [int(progress.id.0), int(owner.0), int(cursor.0)],
        )?;
    }
    Ok(())
}

/// Removes the cursors of push subscriptions that are gone. Those of an account or credential go together, so that they
/// are not named one by one.
pub(crate) fn forget_gone(tx: &Tx<'_>) -> Result<()> {
    let text = "DELETE FROM push_elsewhere WHERE subscription_id NOT IN (SELECT id FROM push_subscription)";
    tx.sql.run("remove cursors of nobody", text, []).map(|_| ())
}

/// As the column [`COLUMN`] has them. What is no number there is left out.
pub(super) fn parse(column: Option<&str>) -> CursorsElsewhere {
    let pairs = column.unwrap_or_default().split_ascii_whitespace().filter_map(|pair| {
        let (owner, cursor) = pair.split_once(':')?;
        Some((AccountId(owner.parse().ok()?), ModSeq(cursor.parse().ok()?)))
    });
    pairs.collect()
}

/// The cursors of the push subscription `p`, in one column.
pub(super) const COLUMN: &str = "(SELECT group_concat(e.account_id || ':' || e.cursor, ' ') FROM push_elsewhere e \
     WHERE e.subscription_id = p.id)";

/// Whose mailboxes an account is subscribed to, and where those stand.
fn owners(sql: Sql<'_>, account: AccountId) -> Result<BTreeMap<AccountId, ModSeq>> {
    // `0` is the character after `/`.
    let names: Vec<String> = sql.all(
        "list subscribed names of others",
        "SELECT name FROM subscribed WHERE account_id = ?1 AND name > ?2 || '/' AND name < ?2 || '0' ORDER BY name",
        rusqlite::params![int(account.0), OTHER_USERS],
        |row| row.get(0),
    )?;
    let owner = |name: &'_ String| {
        Some(name.strip_prefix(OTHER_USERS)?.strip_prefix('/')?.split_once('/')?.0.to_owned())
    };
    let named: BTreeSet<String> = names.iter().filter_map(owner).collect();
    let mut owners = BTreeMap::new();
    for name in named {
        if owners.len() >= OWNERS_MAX {
            break;
        }
        let found = accounts::by_own_name(sql, &name)?.map(|(id, _)| id);
        if let Some(owner) = found.filter(|owner| *owner != account) {
            owners.insert(owner, accounts::modseq(sql, owner)?);
        }
    }
    Ok(owners)
}

/// Accounts whose mailboxes one account is told of by push. Those that come later by name are not told of.
const OWNERS_MAX: usize = 64;
