//! How long a reader that has nothing to deliver waits, and for what; the same for messages and receipts.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Wait;

/// The times of one open request.
pub(super) struct Timing {
    shutdown: CancellationToken,
    alarm: Pin<Box<Sleep>>,
    until: Option<Instant>,
    keep_alive_interval: Duration,
    quiet_since: Instant,
    use_noted: Instant,
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// There may be something to deliver.
    Changed,
    /// The service stops.
    GoingAway,
    /// The peer did not want to wait for longer.
    Over,
    /// The reader's own time has come.
    Due,
    /// It is time to note that what is read is in use.
    NoteUse,
    /// Nothing came for `keep_alive_interval`.
    Quiet,
}

impl Timing {
    /// Begins now.
    pub(super) fn new(wait: Wait, keep_alive_interval: Duration, shutdown: CancellationToken) -> Self {
        let now = Instant::now();
        let until = match wait {
            Wait::For(time) => Some(now + time),
            Wait::Not | Wait::Unlimited => None,
        };
        let alarm = Box::pin(sleep_until(now + keep_alive_interval));
        Self { shutdown, alarm, until, keep_alive_interval, quiet_since: now, use_noted: now }
    }

    /// Something is delivered.
    pub(super) fn delivers(&mut self) {
        self.quiet_since = Instant::now();
    }

    /// Waits for `changed`, for the time `due` and for what there is to do from time to time. Cancel-safe if `changed` is.
    pub(super) async fn wait(&mut self, changed: impl Future<Output = ()>, due: Option<Instant>) -> Woken {
        tokio::pin!(changed);
        loop {
            let quiet_until = self.quiet_since + self.keep_alive_interval;
            let noted_until = self.use_noted + USE_NOTED_INTERVAL;
            let deadline =
                [self.until, due, Some(noted_until)].into_iter().flatten().fold(quiet_until, Instant::min);
            // An alarm that rings too early costs less than one that is set anew for each message.
            if self.alarm.is_elapsed() || self.alarm.deadline() > deadline {
                self.alarm.as_mut().reset(deadline);
            }
            tokio::select! {
                () = changed.as_mut() => return Woken::Changed,
                () = self.shutdown.cancelled() => return Woken::GoingAway,
                () = self.alarm.as_mut() => {}
            }
            let now = Instant::now();
            if self.until.is_some_and(|until| now >= until) {
                return Woken::Over;
            }
            if due.is_some_and(|due| now >= due) {
                return Woken::Due;
            }
            if now >= noted_until {
                self.use_noted = now;
                return Woken::NoteUse;
            }
            if now >= quiet_until {
                self.quiet_since = now;
                return Woken::Quiet;
            }
        }
    }
}

/// How often what is being read for months is noted as being in use, so that it is not taken for idle.
const USE_NOTED_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);
