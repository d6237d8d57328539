//! What one subscription needs now, from its row alone. Pure: the store's row and the time come in, a decision goes out.

use store::{PushState, PushSubscription};

use crate::clock::{Now, Tick};
use crate::compose::Detail;

#[cfg(test)]
mod tests;

/// What the row does not say.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// The time.
    pub now: Now,
    /// Whether a living connection keeps it silent (SILWEBPUSH `session`).
    pub session_silent: bool,
    /// Whether the VAPID key that it was acknowledged under is still at hand.
    pub key_at_hand: bool,
    /// As much as may be said to its push service.
    pub detail: Detail,
}

/// What is to be done. It does not print a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Agenda {
    /// Nothing, until something changes.
    Nothing,
    /// Nothing before this tick.
    Wait(Tick),
    /// Push the token, and nothing else.
    Verify {
        /// The token.
        token: String,
    },
    /// Push what changed, if anything did that the device must be told of.
    Tell {
        /// How much to say.
        detail: Detail,
        /// Whether this settles a timed silence that has ended.
        ends_silence: bool,
        /// A new VAPID key that the device has to be told of when there is nothing else to say.
        notice: Option<String>,
    },
    /// It can't be served any more: its token or its VAPID key is no longer valid, or it has ended.
    Deactivate,
}

impl std::fmt::Debug for Agenda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Wait(tick) => f.debug_tuple("Wait").field(tick).finish(),
            Self::Verify { .. } => f.write_str("Verify"),
            Self::Tell { detail, ends_silence, notice } => f
                .debug_struct("Tell")
                .field("detail", detail)
                .field("ends_silence", ends_silence)
                .field("notice", notice)
                .finish(),
            Self::Deactivate => f.write_str("Deactivate"),
        }
    }
}

/// Decides what the subscription needs.
#[must_use]
pub fn agenda(subscription: &PushSubscription, situation: &Situation) -> Agenda {
    let now = situation.now;
    let waits = |until: store::UnixTime| (until > now.unix).then(|| now.tick_of(until));
    if subscription.expires_at.is_some_and(|at| at <= now.unix) {
        return Agenda::Deactivate;
    }
    match &subscription.state {
        PushState::Inactive | PushState::Pending { sent: true, .. } => Agenda::Nothing,
        PushState::Pending { expires_at, .. } if *expires_at <= now.unix => Agenda::Deactivate,
        PushState::Pending { token, .. } => match subscription.attempts.next_attempt_at.and_then(waits) {
            Some(tick) => Agenda::Wait(tick),
            None => Agenda::Verify { token: token.clone() },
        },
        // draft-gougeon-imap-webpush §8: once the old key is invalid, what was activated with it is deactivated.
        PushState::Active { .. } if !situation.key_at_hand => Agenda::Deactivate,
        // The end of the connection asks again.
        PushState::Active { .. } if situation.session_silent => Agenda::Nothing,
        PushState::Active { .. } => {
            let attempt = subscription.attempts.next_attempt_at.and_then(waits);
            match attempt.max(subscription.silenced_until.and_then(waits)) {
                Some(tick) => Agenda::Wait(tick),
                None => tell(subscription, situation.detail),
            }
        }
    }
}

/// draft-gougeon-imap-webpush §5.5: what happened during a silence is not replayed; one summary says that there is something.
fn tell(subscription: &PushSubscription, detail: Detail) -> Agenda {
    let ends_silence = subscription.silenced_until.is_some() || subscription.silenced_at.is_some();
    let detail = if ends_silence { Detail::Summary } else { detail };
    Agenda::Tell { detail, ends_silence, notice: subscription.vapid_notice.clone() }
}
