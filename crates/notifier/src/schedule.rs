//! When each subscription may be attempted. Pure: no clock, no socket, no store; the time is passed in.
//!
//! A subscription has a *slot* only while something is to be done for it or the pause after its last push runs. Slots become
//! ready when their time comes, queue by origin, and are taken in turn of origins, within limits for the process and for
//! each origin ([`origins`]). What finds no slot free is left to the store's next sweep: nothing is lost by that but time.
//!
//! Invariants: a subscription is taken at most once at a time; whatever wakes it while it is in flight makes it ready again
//! afterwards; no subscription is taken before the wait that its push service demanded has passed.

mod looks;
mod origins;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use store::PushSubscriptionId;
use webpush::origin::Origin;

use crate::clock::Tick;
use crate::compose::Detail;
use crate::schedule::origins::Origins;

pub use looks::Looks;
pub use origins::OriginNews;

#[cfg(test)]
mod tests;

/// Bounds of what the notifier does at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Attempts in flight. More wait in their queues.
    pub tasks: usize,
    /// Attempts in flight to one origin that answers well. More wait, others go on.
    pub origin_tasks: usize,
    /// Attempts in flight to one origin that has not answered well yet, or no longer does. All of these together get at most
    /// half of `tasks`, so that however many slow origins there are, the others are served.
    pub unproven_origin_tasks: usize,
    /// Subscriptions held in memory. More are found by a later sweep.
    pub slots: usize,
    /// The longest wait for which a subscription is held in memory. After a longer one the sweep finds it.
    pub horizon: Duration,
}

/// The shortest pauses after a push.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Before a push that announces newly delivered mail.
    pub delivery_interval: Duration,
    /// Before any other push.
    pub min_interval: Duration,
}

impl Pace {
    /// Until when a push has to be held back, `None` if it may leave now. The first after quiet leaves at once.
    #[must_use]
    pub fn held_until(&self, last_push: Option<Tick>, announces_mail: bool, now: Tick) -> Option<Tick> {
        let interval = if announces_mail { self.delivery_interval } else { self.min_interval };
        last_push.map(|last| last.after(interval)).filter(|&until| until > now)
    }
}

/// Which subscription, and where its endpoint is.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id.
    pub id: PushSubscriptionId,
    /// The origin of its endpoint.
    pub origin: Origin,
}

/// A subscription that is to be attempted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub id: PushSubscriptionId,
    /// When the last push to it was taken, as far as is remembered.
    pub last_push: Option<Tick>,
    /// As much as may be said.
    pub detail: Detail,
}

/// How an attempt left its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// There was nothing to say, or nothing may be said now; a wake will come when that changes.
    Quiet,
    /// A push was taken. `more`: it did not say everything.
    Pushed {
        /// Whether there is more to say.
        more: bool,
    },
    /// Nothing was posted; look again then, or earlier if woken.
    Later(Tick),
    /// The push service is to be left alone until then, whatever happens.
    Barred(Tick),
    /// To be said in a smaller push, now.
    Smaller,
    /// It was removed or deactivated.
    Gone,
}

#[derive(Debug)]
struct Slot {
    /// Where its endpoint is.
    origin: Origin,
    /// Where the attempt in flight goes, which is elsewhere if the endpoint has been altered meanwhile.
    in_flight_to: Option<Origin>,
    phase: Phase,
    /// Not before this: the pause after a push, or a wait that the push service demanded.
    barred_until: Tick,
    last_push: Option<Tick>,
    detail: Detail,
}

impl Slot {
    fn new(origin: &Origin) -> Self {
        Self {
            origin: origin.clone(),
            in_flight_to: None,
            phase: Phase::Resting(Tick(0)),
            barred_until: Tick(0),
            last_push: None,
            detail: Detail::Full,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Ready at this tick.
    Waiting(Tick),
    /// In its origin's queue.
    Ready,
    /// Being attempted, and what has happened to it meanwhile.
    InFlight(Meanwhile),
    /// Nothing to do; kept until this tick for what is remembered of it.
    Resting(Tick),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Meanwhile {
    /// The earliest tick that it was woken for.
    woken: Option<Tick>,
    /// The client has altered it: what the attempt finds out is about something that is no more.
    altered: bool,
}

impl Meanwhile {
    fn woken_for(self, at: Tick) -> Self {
        Self { woken: Some(self.woken.map_or(at, |woken| woken.min(at))), ..self }
    }
}

/// All slots.
#[derive(Debug)]
pub struct Board {
    limits: Limits,
    pace: Pace,
    slots: BTreeMap<PushSubscriptionId, Slot>,
    /// One entry for each slot that waits or rests.
    timers: BTreeSet<(Tick, PushSubscriptionId)>,
    origins: Origins,
}

impl Board {
    /// An empty board.
    #[must_use]
    pub fn new(limits: Limits, pace: Pace) -> Self {
        let (slots, timers) = (BTreeMap::new(), BTreeSet::new());
        Self { limits, pace, slots, timers, origins: Origins::new(limits) }
    }

    /// Something may be due for this subscription at `at`. Without a free slot nothing happens: a sweep will find it.
    pub fn wake(&mut self, key: &Key, at: Tick) {
        let id = key.id;
        if !self.slots.contains_key(&id) && self.slots.len() >= self.limits.slots {
            return;
        }
        let slot = self.slots.entry(id).or_insert_with(|| Slot::new(&key.origin));
        let at = at.max(slot.barred_until);
        if slot.phase != Phase::Ready {
            slot.origin = key.origin.clone();
        }
        match slot.phase {
            Phase::Ready => {}
            Phase::InFlight(meanwhile) => slot.phase = Phase::InFlight(meanwhile.woken_for(at)),
            Phase::Waiting(earlier) if earlier <= at => {}
            Phase::Waiting(_) | Phase::Resting(_) => self.set_phase(id, Phase::Waiting(at)),
        }
    }

    /// The client has altered it: whatever its former endpoint demanded is forgotten. A wake follows.
    pub fn alter(&mut self, id: PushSubscriptionId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        match slot.phase {
            Phase::InFlight(meanwhile) => {
                slot.phase = Phase::InFlight(Meanwhile { altered: true, ..meanwhile });
                slot.barred_until = Tick(0);
                return;
            }
            Phase::Ready => self.origins.unqueue(&slot.origin, id),
            Phase::Waiting(_) | Phase::Resting(_) => {}
        }
        self.remove(id);
    }

    /// A push has got through to it: the wait that failures before had brought about is over. A wake follows.
    pub fn lift(&mut self, id: PushSubscriptionId) {
        // What is in flight finds out for itself.
        if let Some(slot) = self.slots.get_mut(&id).filter(|slot| !matches!(slot.phase, Phase::InFlight(_))) {
            slot.barred_until = Tick(0);
        }
    }

    /// Takes the next subscription that may be attempted now. [`Board::finish`] must follow.
    pub fn take(&mut self, now: Tick) -> Option<Turn> {
        self.promote(now);
        let id = self.origins.take()?;
        let slot = self.slots.get_mut(&id)?;
        assert!(slot.phase == Phase::Ready, "a subscription was queued that was not ready");
        slot.phase = Phase::InFlight(Meanwhile::default());
        slot.in_flight_to = Some(slot.origin.clone());
        Some(Turn { id, last_push: slot.last_push, detail: slot.detail })
    }

    /// An attempt has ended, and taught something about its origin.
    pub fn finish(&mut self, id: PushSubscriptionId, finish: Finish, news: OriginNews, now: Tick) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let in_flight_to = slot.in_flight_to.take();
        let (Phase::InFlight(meanwhile), Some(origin)) = (slot.phase, in_flight_to) else {
            unreachable!("an attempt ended that had not begun");
        };
        let held = self.origins.finish(&origin, news, now);
        for waiting in held.ids {
            self.set_phase(waiting, Phase::Waiting(held.until));
        }
        let finish = if meanwhile.altered { Finish::Gone } else { finish };
        match self.settle(id, finish, meanwhile.woken, now) {
            Some(phase) => self.set_phase(id, phase),
            None => self.remove(id),
        }
    }

    /// When [`Board::take`] may have something that it has not now, if only time passes.
    #[must_use]
    pub fn next_tick(&self) -> Option<Tick> {
        self.timers.first().map(|&(tick, _)| tick)
    }

    /// Slots in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no slot is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Attempts in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.origins.in_flight()
    }

    /// What becomes of the slot; `None`: nothing is left to remember.
    fn settle(
        &mut self,
        id: PushSubscriptionId,
        finish: Finish,
        woken: Option<Tick>,
        now: Tick,
    ) -> Option<Phase> {
        let slot = self.slots.get_mut(&id)?;
        let mut next = woken;
        match finish {
            // Whatever replaces it begins anew, if it was woken.
            Finish::Gone => {
                let origin = slot.origin.clone();
                *slot = Slot::new(&origin);
            }
            Finish::Quiet => {}
            Finish::Pushed { more } => {
                slot.last_push = Some(now);
                slot.barred_until = now.after(self.pace.delivery_interval);
                next = if more { Some(now) } else { woken };
            }
            Finish::Later(at) if at.since(now) > self.limits.horizon => {}
            Finish::Later(at) => next = Some(woken.map_or(at, |woken| woken.min(at))),
            // The store remembers it too; the sweep after it finds the subscription again.
            Finish::Barred(until) if until.since(now) > self.limits.horizon => return None,
            Finish::Barred(until) => {
                slot.barred_until = until;
                next = Some(until);
            }
            Finish::Smaller => {
                slot.detail = Detail::Summary;
                next = Some(now);
            }
        }
        if let Some(at) = next {
            return Some(Phase::Waiting(at.max(slot.barred_until)));
        }
        let rests_until = slot.last_push.map(|last| last.after(self.pace.min_interval));
        rests_until.filter(|&until| until > now).map(Phase::Resting)
    }

    fn remove(&mut self, id: PushSubscriptionId) {
        if let Some(Slot { phase: Phase::Waiting(tick) | Phase::Resting(tick), .. }) = self.slots.remove(&id)
        {
            self.timers.remove(&(tick, id));
        }
    }

    /// Puts a slot into another phase, with its timer.
    fn set_phase(&mut self, id: PushSubscriptionId, phase: Phase) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if let Phase::Waiting(tick) | Phase::Resting(tick) = slot.phase {
            self.timers.remove(&(tick, id));
        }
        slot.phase = phase;
        if let Phase::Waiting(tick) | Phase::Resting(tick) = phase {
            self.timers.insert((tick, id));
        }
    }

    /// Makes ready what has waited long enough, and drops what has rested long enough.
    fn promote(&mut self, now: Tick) {
        while let Some(&(tick, id)) = self.timers.first()
            && tick <= now
        {
            self.timers.pop_first();
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            if let Phase::Resting(_) = slot.phase {
                self.slots.remove(&id);
                continue;
            }
            match self.origins.held_until(&slot.origin, now) {
                Some(until) => {
                    slot.phase = Phase::Waiting(until);
                    self.timers.insert((until, id));
                }
                None => {
                    slot.phase = Phase::Ready;
                    self.origins.queue(&slot.origin, id);
                }
            }
        }
    }
}
