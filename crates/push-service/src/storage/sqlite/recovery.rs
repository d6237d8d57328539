//! After a crash: what the journal holds goes to the database before anything else happens.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::journal::{Entry, Journal};
use super::unit::insert_plain;
use super::{OpenError, schema};
use crate::id::MessageId;
use crate::message::Message;

/// Opens the journal of a database, empty.
pub(super) fn recover(connection: &Connection, path: &Path) -> Result<Journal, OpenError> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let noted = schema::journal_mark(&transaction)?;
    let (mut journal, entries) = Journal::open(path, noted).map_err(OpenError::Journal)?;
    if entries.is_empty() {
        drop(transaction);
        journal.empty().map_err(OpenError::Journal)?;
        return Ok(journal);
    }
    let mut last = MessageId::START;
    let mut left: BTreeMap<MessageId, Message> = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Stored(message) => {
                last = last.max(message.id);
                left.insert(message.id, message);
            }
            Entry::Removed(id) => drop(left.remove(&id)),
        }
    }
    for message in left.values() {
        if is_wanted(&transaction, message)? {
            insert_plain(&transaction, message)?;
        }
    }
    schema::note_journal(&transaction, journal.mark(), last)?;
    transaction.commit()?;
    journal.rewind();
    journal.empty().map_err(OpenError::Journal)?;
    tracing::info!(messages = left.len(), "push service storage: messages of the journal recovered");
    Ok(journal)
}

/// The file may have been replaced by a copy that was made earlier or later.
fn is_wanted(connection: &Connection, message: &Message) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM subscription WHERE id = ?1 AND agent = ?2)
                AND NOT EXISTS (SELECT 1 FROM message WHERE id = ?3)",
        )?
        .query_row((message.subscription.bytes(), message.agent.bytes(), message.id.number()), |row| {
            row.get(0)
        })
}
