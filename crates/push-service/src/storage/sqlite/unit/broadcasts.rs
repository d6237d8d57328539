//! Broadcasts in the file.

use rusqlite::OptionalExtension;

use super::{Effect, Unit};
use crate::broadcast::{BROADCASTS_MAX, BroadcastId, Change, Version};

impl Unit<'_> {
    pub(in crate::storage::sqlite) fn set_broadcast(
        &mut self,
        id: &BroadcastId,
        version: Option<&Version>,
    ) -> rusqlite::Result<Change> {
        let known: Option<String> = self
            .connection
            .prepare_cached("SELECT version FROM broadcast WHERE id = ?1")?
            .query_row([id.as_str()], |row| row.get(0))
            .optional()?;
        let change = match (version, known) {
            // Nobody need be woken for what is known.
            (Some(version), Some(known)) if known == version.as_str() => return Ok(Change::Replaced),
            (Some(version), Some(_)) => {
                self.connection
                    .prepare_cached("UPDATE broadcast SET version = ?2 WHERE id = ?1")?
                    .execute([id.as_str(), version.as_str()])?;
                Change::Replaced
            }
            (Some(_), None) if self.count_broadcasts()? >= BROADCASTS_MAX => return Ok(Change::Full),
            (Some(version), None) => {
                self.connection
                    .prepare_cached("INSERT INTO broadcast (id, version) VALUES (?1, ?2)")?
                    .execute([id.as_str(), version.as_str()])?;
                Change::Created
            }
            (None, Some(_)) => {
                self.connection
                    .prepare_cached("DELETE FROM broadcast WHERE id = ?1")?
                    .execute([id.as_str()])?;
                Change::Removed
            }
            (None, None) => return Ok(Change::Unknown),
        };
        self.effects.push(Effect::Broadcast(id.clone(), version.cloned()));
        Ok(change)
    }

    fn count_broadcasts(&self) -> rusqlite::Result<usize> {
        let count: i64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM broadcast")?
            .query_row([], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
