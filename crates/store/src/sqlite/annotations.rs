//! Annotations (RFC 5464): rows, limits, what changed.

use rusqlite::{Row, params};

use super::edit::By;
use super::writer::Tx;
use super::{Sql, int, origin_columns, uint};
use crate::{
    ANNOTATION_BYTES_MAX, ANNOTATIONS_BYTES_MAX, ANNOTATIONS_MAX, AccountId, Annotation, AnnotationChanges,
    EntryName, EntryScope, Error, MailboxId, MailboxName, ModSeq, Result, SessionId,
};

/// Whose annotations of what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// `None`: the account as a whole.
    pub(crate) mailbox: Option<MailboxId>,
    /// Whose private entries.
    pub(crate) reader: AccountId,
}

impl Place {
    fn mailbox_column(self) -> i64 {
        self.mailbox.map_or(0, |id| int(id.0))
    }

    fn reader_column(self, scope: EntryScope) -> i64 {
        match scope {
            EntryScope::Private => int(self.reader.0),
            EntryScope::Shared => 0,
        }
    }
}

/// Every entry of a place that its reader sees, by name.
pub(crate) fn all(sql: Sql<'_>, account: AccountId, place: Place) -> Result<Vec<Annotation>> {
    let mut found = sql.all(
        "list annotations",
        "SELECT reader_id, entry, value FROM annotation \
         WHERE account_id = ?1 AND mailbox_id = ?2 AND reader_id IN (0, ?3) AND is_gone = 0",
        [int(account.0), place.mailbox_column(), int(place.reader.0)],
        |row| Ok(Annotation { name: name(row, 0)?, value: row.get(2)? }),
    )?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Sets entries, or removes those without a value: all of them or none.
pub(crate) fn set(
    tx: &Tx<'_>,
    by: &By,
    place: Place,
    values: &[(EntryName, Option<Vec<u8>>)],
) -> Result<ModSeq> {
    let modseq = tx.raise_modseq(by.account)?;
    let (_, session) = origin_columns(by.origin);
    for (name, value) in values {
        match value {
            Some(value) if value.len() > ANNOTATION_BYTES_MAX => {
                return Err(Error::Limit("bytes of an annotation"));
            }
            Some(value) => tx.sql.run(
                "set annotation",
                "INSERT OR REPLACE INTO annotation (account_id, mailbox_id, reader_id, entry, is_gone, modseq, session_id, value) \
                 VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)",
                params![
                    int(by.account.0),
                    place.mailbox_column(),
                    place.reader_column(name.scope()),
                    name.path(),
                    int(modseq.0),
                    session,
                    value
                ],
            )?,
            // One that is not there leaves no trace.
            None => tx.sql.run(
                "remove annotation",
                "UPDATE annotation SET is_gone = 1, modseq = ?5, session_id = ?6, value = x'' \
                 WHERE account_id = ?1 AND mailbox_id = ?2 AND reader_id = ?3 AND entry = ?4 AND is_gone = 0",
                params![
                    int(by.account.0),
                    place.mailbox_column(),
                    place.reader_column(name.scope()),
                    name.path(),
                    int(modseq.0),
                    session
                ],
            )?,
        };
    }
    for scope in [EntryScope::Private, EntryScope::Shared] {
        forget_removed(tx, by.account, place, scope)?;
        // Whoever only removes is never refused.
        if values.iter().any(|(name, value)| name.scope() == scope && value.is_some()) {
            check_count(tx.sql, by.account, place, scope)?;
            check_bytes(tx, by.account, place.reader_column(scope))?;
        }
    }
    Ok(modseq)
}

fn check_count(sql: Sql<'_>, account: AccountId, place: Place, scope: EntryScope) -> Result<()> {
    let here = sql.one(
        "count annotations",
        "SELECT count(*) FROM annotation WHERE account_id = ?1 AND mailbox_id = ?2 AND reader_id = ?3 AND is_gone = 0",
        [int(account.0), place.mailbox_column(), place.reader_column(scope)],
        |row| uint(row, 0),
    )?;
    if here.unwrap_or_default() > ANNOTATIONS_MAX as u64 {
        return Err(Error::Limit("annotations of a mailbox"));
    }
    Ok(())
}

/// All that one reader has in an account, removals included: what is added up here is bounded by what it comes to.
fn check_bytes(tx: &Tx<'_>, account: AccountId, reader: i64) -> Result<()> {
    let key = [int(account.0), reader, ROW_BYTES];
    let add_up = || {
        tx.sql.one(
            "add up annotations",
            "SELECT ifnull(sum(length(entry) + length(value) + ?3), 0) FROM annotation \
             WHERE account_id = ?1 AND reader_id = ?2",
            key,
            |row| uint(row, 0),
        )
    };
    if add_up()?.unwrap_or_default() <= ANNOTATIONS_BYTES_MAX {
        return Ok(());
    }
    // That there is room counts for more than who has seen what was removed.
    let text = "DELETE FROM annotation WHERE account_id = ?1 AND reader_id = ?2 AND is_gone = 1";
    tx.sql.run("forget all removed annotations", text, [int(account.0), reader])?;
    if add_up()?.unwrap_or_default() > ANNOTATIONS_BYTES_MAX {
        return Err(Error::Limit("bytes of all annotations"));
    }
    Ok(())
}

/// Who has not looked for so many removals reads the rest anyway.
fn forget_removed(tx: &Tx<'_>, account: AccountId, place: Place, scope: EntryScope) -> Result<()> {
    let forgotten = tx.sql.run(
        "forget removed annotations",
        "DELETE FROM annotation WHERE account_id = ?1 AND mailbox_id = ?2 AND reader_id = ?3 AND is_gone = 1 \
         AND modseq < (SELECT modseq FROM annotation WHERE account_id = ?1 AND mailbox_id = ?2 AND reader_id = ?3 \
         AND is_gone = 1 ORDER BY modseq DESC LIMIT 1 OFFSET ?4)",
        params![int(account.0), place.mailbox_column(), place.reader_column(scope), REMOVED_KEPT],
    );
    forgotten.map(|_| ())
}

/// What was set or removed after a MODSEQ by others than this session, as the reader sees it.
pub(crate) fn changes(
    sql: Sql<'_>,
    (account, reader): (AccountId, AccountId),
    since: ModSeq,
    session: Option<SessionId>,
) -> Result<AnnotationChanges> {
    let modseq = super::accounts::modseq(sql, account)?;
    let changed = sql.all(
        "read changed annotations",
        "SELECT a.reader_id, a.entry, m.name FROM annotation a \
         LEFT JOIN mailbox m ON m.account_id = a.account_id AND m.id = a.mailbox_id \
         WHERE a.account_id = ?1 AND a.modseq > ?2 AND a.modseq <= ?3 AND a.reader_id IN (0, ?4) \
         AND (a.session_id = 0 OR a.session_id <> ?5) ORDER BY a.mailbox_id, a.reader_id, a.entry",
        [int(account.0), int(since.0), int(modseq.0), int(reader.0), session.map_or(0, |id| int(id.0))],
        |row| Ok((row.get::<_, Option<String>>(2)?.map(MailboxName::stored), name(row, 0)?)),
    )?;
    Ok(AnnotationChanges { modseq, changed })
}

/// RFC 5464 §4.1: those of INBOX are copied to the mailbox that takes its messages. Limit if they have no room twice.
pub(crate) fn copy(tx: &Tx<'_>, by: &By, modseq: ModSeq, from: MailboxId, to: MailboxId) -> Result<()> {
    let (_, session) = origin_columns(by.origin);
    tx.sql.run(
        "copy annotations",
        "INSERT OR REPLACE INTO annotation (account_id, mailbox_id, reader_id, entry, is_gone, modseq, session_id, value) \
         SELECT account_id, ?3, reader_id, entry, 0, ?4, ?5, value FROM annotation \
         WHERE account_id = ?1 AND mailbox_id = ?2 AND is_gone = 0",
        [int(by.account.0), int(from.0), int(to.0), int(modseq.0), session],
    )?;
    let readers = tx.sql.all(
        "list readers of annotations",
        "SELECT DISTINCT reader_id FROM annotation WHERE account_id = ?1 AND mailbox_id = ?2",
        [int(by.account.0), int(to.0)],
        |row| row.get::<_, i64>(0),
    )?;
    readers.into_iter().try_for_each(|reader| check_bytes(tx, by.account, reader))
}

/// Removes all of a mailbox that is being deleted.
pub(crate) fn drop_all(tx: &Tx<'_>, account: AccountId, mailbox: MailboxId) -> Result<()> {
    let text = "DELETE FROM annotation WHERE account_id = ?1 AND mailbox_id = ?2";
    tx.sql.run("remove annotations", text, [int(account.0), int(mailbox.0)]).map(|_| ())
}

/// Reads `reader_id, entry`.
fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<EntryName> {
    let scope = if uint(row, column)? == 0 { EntryScope::Shared } else { EntryScope::Private };
    Ok(EntryName::stored(scope, row.get(column + 1)?))
}

/// Removals of a place that are remembered, the last ones.
const REMOVED_KEPT: u32 = 100;
/// What a row counts for beside its name and value.
const ROW_BYTES: i64 = 64;
