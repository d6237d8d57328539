//! Young messages: which ones are kept as such, and when they go to the database.

use std::sync::Arc;

use super::messages::{count, insert_plain};
use super::queues::Load;
use super::removal::{Removed, Why};
use super::{Effect, Unit};
use crate::clock::Instant;
use crate::id::{AgentId, MessageId};
use crate::message::{Keeping, Message, NewMessage};
use crate::storage::sqlite::journal::Entry;
use crate::storage::sqlite::schema;

/// How far a batch has gone in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage::sqlite) enum Stage {
    /// It has only read.
    #[default]
    Reading,
    /// A transaction is open.
    Writing,
    /// All young messages have been moved into it. From here on nothing is young: what the journal holds must not
    /// count beside it.
    Settled,
}

impl Unit<'_> {
    /// To be called before anything is written to the database.
    pub(in crate::storage::sqlite) fn begin(&mut self) -> rusqlite::Result<()> {
        if self.stage == Stage::Reading {
            // One that began as a reader could not become a writer once another process has written.
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.stage = Stage::Writing;
        }
        Ok(())
    }

    /// Moves all young messages to the database.
    pub(in crate::storage::sqlite) fn settle(&mut self) -> rusqlite::Result<()> {
        self.begin()?;
        self.stage = Stage::Settled;
        for message in self.young.take_all() {
            insert_plain(self.connection, &message)?;
        }
        self.journal.discard();
        schema::note_journal(self.connection, self.journal.mark(), self.sequence.last())
    }

    /// Has the database hold all that waits for an agent.
    pub(super) fn settle_for(&mut self, agent: AgentId) -> rusqlite::Result<()> {
        if self.young.has(agent) { self.settle() } else { Ok(()) }
    }

    /// Whether a message needs nothing but to be kept.
    pub(super) fn can_stay_young(&self, new: &NewMessage, load: Load) -> bool {
        self.stage != Stage::Settled
            && new.topic.is_none()
            && new.receipt.is_none()
            && new.shared.is_none()
            && self.fits(load.subscription.total(), load.agent.total(), new)
    }

    pub(super) fn keep_young(&mut self, new: &NewMessage, now: Instant) -> MessageId {
        let id = self.sequence.next(now);
        let message = Arc::new(Message::new(id, new.clone(), Keeping::Stored));
        self.journal.note(Entry::Stored(&message));
        self.young.put(Arc::clone(&message));
        self.stored(message);
        id
    }

    /// Removes a young message; whether it was there.
    pub(super) fn take_young(
        &mut self,
        id: MessageId,
        of: Option<AgentId>,
        why: Why,
    ) -> rusqlite::Result<bool> {
        let Some(message) = self.young.take(id, of) else { return Ok(false) };
        self.journal.note(Entry::Removed(id));
        self.removed(&Removed::plain(&message), why)?;
        Ok(true)
    }

    /// Counts a message and hands it out.
    pub(super) fn stored(&mut self, message: Arc<Message>) {
        self.totals.messages += 1;
        let of = (message.subscription, message.agent);
        self.queues.added(of, message.urgency, count(message.content.body.len()));
        self.effects.push(Effect::Stored(message));
    }
}
