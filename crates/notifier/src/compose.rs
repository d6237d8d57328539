//! The seam between notifier and protocols: a [`Composer`] turns "what changed since the cursor" into one push.
//!
//! Composers are implemented by the protocol crates and handed to the notifier by the binary, so that neither layer
//! depends on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use store::{
    Access, CursorsElsewhere, MembershipChange, ModSeq, PushKind, PushSubscription, SessionId, Store,
};
use webpush::header::{Topic, Ttl, Urgency};

use crate::silence::Shown;

/// A push as its protocol wrote it; padding and encryption come later. It holds mail or a token, so it does not print them.
#[derive(Clone, PartialEq, Eq)]
pub struct Push {
    /// At most [`webpush::padding::CLEARTEXT_BYTES_MAX`].
    pub cleartext: Bytes,
    /// RFC 8030 §5.3.
    pub urgency: Urgency,
    /// RFC 8030 §5.4: only where a later push makes an earlier one with the same topic pointless.
    pub topic: Option<Topic>,
    /// RFC 8030 §5.2: how long the push service keeps it.
    pub ttl: Ttl,
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push")
            .field("bytes", &self.cleartext.len())
            .field("urgency", &self.urgency)
            .field("topic", &self.topic)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// How much a push says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// All that fits.
    Full,
    /// Only that there is something: after a timed silence, and for a push service that finds pushes too large (413).
    Summary,
}

/// What is to be composed.
#[derive(Debug)]
pub struct Assignment<'a> {
    /// For whom.
    pub subscription: &'a PushSubscription,
    /// What its credential may see now. The way to others' mailboxes, as far as `subscription.elsewhere` has cursors for
    /// them, begins here too.
    pub access: &'a Access,
    /// What the device has been told about.
    pub from: ModSeq,
    /// How much to say.
    pub detail: Detail,
    /// What the device knows in spite of `from`.
    pub known: &'a Known,
}

/// What a device knows beyond its cursor, from connections that silenced the subscription (SILWEBPUSH `session`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Sessions of the device itself: it knows what it did there.
    pub own_sessions: BTreeSet<SessionId>,
    /// Own mailboxes, and up to where a connection proved that it had received their changes.
    pub shown: Shown,
}

impl Known {
    /// Whether the device needs not be told of this change of a message.
    #[must_use]
    pub fn covers(&self, change: &MembershipChange) -> bool {
        self.shown.covers(change.mailbox, change.modseq) || self.is_own(change)
    }

    /// The device's own doing. What the store keeps of a message is its last change: one that came from elsewhere and was
    /// then touched by the device (`STORE 1:* ..` names messages unseen) is not its own for that.
    fn is_own(&self, change: &MembershipChange) -> bool {
        use store::Cause::{Admin, Delivery, Import};
        let from_elsewhere = matches!(change.arrived, Some(Delivery | Import | Admin));
        !from_elsewhere && change.origin.session.is_some_and(|session| self.own_sessions.contains(&session))
    }
}

/// What a composer made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// In the order in which they are posted. None: there is nothing that this device has to be told. If one is not taken,
    /// all are told again.
    pub pushes: Vec<Push>,
    /// Where the device stands once all have been taken (at once if there are none).
    pub cursor: ModSeq,
    /// The same of others' mailboxes: those that go on.
    pub elsewhere: CursorsElsewhere,
    /// Whether there is more after `cursor` and `elsewhere`, too much for one go.
    pub more: bool,
}

impl Composed {
    /// There is nothing to tell up to this cursor.
    #[must_use]
    pub fn nothing(cursor: ModSeq) -> Self {
        Self { pushes: Vec::new(), cursor, elsewhere: CursorsElsewhere::default(), more: false }
    }
}

/// How long a subscription lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Until somebody ends it.
    Lasting,
    /// For one push of changes; then it is inactive until its client asks again.
    OnePush,
}

/// A composer at work.
pub type Composing<'a> = Pin<Box<dyn Future<Output = store::Result<Composed>> + Send + 'a>>;

/// A protocol's way to say things to a device.
pub trait Composer: Send + Sync + 'static {
    /// Whose subscriptions it composes for.
    fn kind(&self) -> PushKind;

    /// Reads the change log from the cursor and says it in one push.
    ///
    /// # Errors
    /// The store's; the notifier tries again later.
    fn compose<'a>(&'a self, store: &'a Store, assignment: Assignment<'a>) -> Composing<'a>;

    /// The push that proves the endpoint to be the client's own; `None` if endpoints of this kind need no proof.
    fn verification(&self, subscription: &PushSubscription, token: &str) -> Option<Push>;

    /// The push that tells of a new VAPID key, given as in [`crate::vapid::KeyId`]; `None` if pushes of this kind are not
    /// signed.
    fn key_notice(&self, new_key: &str) -> Option<Push>;

    /// A push that tells nothing new, for a user who wants to see whether one gets through; `None` if there is none that this
    /// kind of device would not take for news.
    fn trial(&self, subscription: &PushSubscription) -> Option<Push> {
        let _ = subscription;
        None
    }

    /// How long changes that announce no mail wait for others, to be told together.
    fn merge_time(&self) -> Duration {
        Duration::ZERO
    }

    /// How long its subscriptions live.
    fn life(&self) -> Life {
        Life::Lasting
    }
}

/// The composers by the kind of subscription that they serve.
#[derive(Clone, Default)]
pub struct Composers(BTreeMap<PushKind, Arc<dyn Composer>>);

impl Composers {
    /// One for each kind; of several for one kind the last.
    #[must_use]
    pub fn new(composers: impl IntoIterator<Item = Arc<dyn Composer>>) -> Self {
        Self(composers.into_iter().map(|composer| (composer.kind(), composer)).collect())
    }

    /// The composer of a kind.
    #[must_use]
    pub fn of(&self, kind: PushKind) -> Option<&Arc<dyn Composer>> {
        self.0.get(&kind)
    }
}

#[cfg(test)]
mod tests {
    use store::{Cause, Entry, Flags, MailboxId, MessageId, Origin, ThreadId, Uid};

    use super::*;

    fn change(modseq: u64, session: Option<u64>, arrived: Option<Cause>) -> MembershipChange {
        let entry = Entry { uid: Uid(1), message: MessageId(1), flags: Flags(0), modseq: ModSeq(modseq) };
        MembershipChange {
            modseq: ModSeq(modseq),
            cause: arrived.unwrap_or(Cause::Flags),
            origin: Origin { credential: None, session: session.map(SessionId) },
            mailbox: MailboxId(1),
            uid: Uid(1),
            message: MessageId(1),
            thread: Some(ThreadId(1)),
            now: Some(entry),
            arrived,
        }
    }

    #[test]
    fn a_push_does_not_print_what_it_says() {
        let cleartext = Bytes::from_static(b"* ACKWEBPUSH secret\r\n");
        let push = Push { cleartext, urgency: Urgency::High, topic: None, ttl: Ttl::from_seconds(600) };
        let printed = format!("{push:?}");
        assert!(printed.contains("bytes: 21") && !printed.contains("secret"), "{printed}");
    }

    #[test]
    fn a_device_knows_what_it_did_and_what_it_was_shown_but_not_what_came_meanwhile() {
        let mut known = Known { own_sessions: [SessionId(7)].into(), shown: Shown::default() };
        known.shown.note(MailboxId(1), ModSeq(20));
        let cases = [
            ("shown", change(20, None, Some(Cause::Delivery)), true),
            ("later than what was shown", change(21, None, Some(Cause::Delivery)), false),
            ("its own flags", change(21, Some(7), None), true),
            ("its own append", change(21, Some(7), Some(Cause::Append)), true),
            ("another session's flags", change(21, Some(8), None), false),
            (
                "delivered, then flagged blindly by the device",
                change(21, Some(7), Some(Cause::Delivery)),
                false,
            ),
        ];
        for (what, change, covered) in cases {
            assert_eq!(known.covers(&change), covered, "{what}");
        }
    }
}
