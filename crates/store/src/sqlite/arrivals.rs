//! The emails of a mailbox by when they came, a page at a time. Costs what the page holds, not what the mailbox does.

use rusqlite::params;

use super::emails::{PLACE_COLUMNS, place};
use super::{Sql, int, mailboxes};
use crate::{AccountId, ArrivalOrder, Arrivals, EmailPlace, Result};

#[cfg(test)]
mod tests;

/// A page, in order, each email once; and whether there are more after it.
pub(crate) fn arrivals(
    sql: Sql<'_>,
    account: AccountId,
    wanted: &Arrivals,
) -> Result<(Vec<EmailPlace>, bool)> {
    mailboxes::one(sql, account, wanted.mailbox)?;
    let (first_time, first_id) = match (wanted.after, wanted.order) {
        (Some((received_at, email)), _) => (received_at.0, int(email.0)),
        (None, ArrivalOrder::NewestFirst) => (i64::MAX, i64::MAX),
        (None, ArrivalOrder::OldestFirst) => (i64::MIN, i64::MIN),
    };
    let limit = i64::try_from(wanted.limit).unwrap_or(i64::MAX);
    let mut places = sql.all(
        "read arrivals",
        &statement(wanted.order),
        params![int(account.0), int(wanted.mailbox.0), first_time, first_id, limit],
        place,
    )?;
    let is_full = places.len() >= wanted.limit;
    // One that was copied within its mailbox is there twice.
    places.dedup_by_key(|place| place.email);
    Ok((places, is_full))
}

fn statement(order: ArrivalOrder) -> String {
    let (beyond, direction) = match order {
        ArrivalOrder::NewestFirst => ("<", "DESC"),
        ArrivalOrder::OldestFirst => (">", "ASC"),
    };
    format!(
        "SELECT {PLACE_COLUMNS} FROM membership INDEXED BY membership_received \
         WHERE account_id = ?1 AND mailbox_id = ?2 AND (received_at, message_id) {beyond} (?3, ?4) \
         AND flags_low & 16 = 0 ORDER BY received_at {direction}, message_id {direction} LIMIT ?5"
    )
}
