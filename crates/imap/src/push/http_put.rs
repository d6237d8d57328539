//! What PUSH-NOTIFY-HTTP=PUT puts: what the client said, once, when mail has been delivered.

use bytes::Bytes;
use notifier::compose::{Assignment, Composed, Composer, Composing, Life, Push};
use store::{Cause, Mailbox, MailboxName, PushKind, PushSubscription, Store};
use webpush::header::Urgency;

use crate::push::{SilentMailboxes, TTL, read_log};

/// Composes for PUSH-NOTIFY-HTTP=PUT.
#[derive(Debug)]
pub struct HttpPutComposer {
    watched: Watched,
    silent: SilentMailboxes,
}

/// Which mailboxes' mail is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// That of INBOX.
    Inbox,
    /// That of any mailbox but the silent ones.
    Any,
}

impl HttpPutComposer {
    /// A composer for mail in these mailboxes. The silent ones are never told of.
    #[must_use]
    pub fn new(watched: Watched, silent: SilentMailboxes) -> Self {
        Self { watched, silent }
    }

    fn rings(&self, mailbox: &Mailbox) -> bool {
        let is_watched = self.watched == Watched::Any || mailbox.name == MailboxName::inbox();
        is_watched && !self.silent.contains(mailbox)
    }

    async fn compose_from(&self, store: &Store, assignment: &Assignment<'_>) -> store::Result<Composed> {
        let log = read_log(store, assignment.access, assignment.from).await?;
        let (cursor, more) = (log.changes.modseq, log.changes.more);
        let mailboxes = store.mailboxes(assignment.access).await?;
        let rings = |id| mailboxes.iter().any(|mailbox| mailbox.id == id && self.rings(mailbox));
        let mut delivered =
            log.changes.memberships.iter().filter(|change| change.arrived == Some(Cause::Delivery));
        // Where the log does not reach back, mail may have come: a PUT too many tells less wrong than none.
        let fires = !log.changes.complete || delivered.any(|change| rings(change.mailbox));
        let push = fires.then(|| put(&assignment.subscription.request));
        Ok(Composed { pushes: push.into_iter().collect(), more, ..Composed::nothing(cursor) })
    }
}

impl Composer for HttpPutComposer {
    fn kind(&self) -> PushKind {
        PushKind::HttpPut
    }

    fn compose<'a>(&'a self, store: &'a Store, assignment: Assignment<'a>) -> Composing<'a> {
        Box::pin(async move { self.compose_from(store, &assignment).await })
    }

    fn verification(&self, _subscription: &PushSubscription, token: &str) -> Option<Push> {
        Some(put(&format!("version={token}")))
    }

    fn key_notice(&self, _new_key: &str) -> Option<Push> {
        None
    }

    /// The one PUT that was asked for: no later one could have a higher version.
    fn trial(&self, subscription: &PushSubscription) -> Option<Push> {
        Some(put(&subscription.request))
    }

    fn life(&self) -> Life {
        Life::OnePush
    }
}

fn put(body: &str) -> Push {
    Push { cleartext: Bytes::copy_from_slice(body.as_bytes()), urgency: Urgency::High, topic: None, ttl: TTL }
}
