//! Fairness between push services: each origin has a queue of its own and a bound on what is in flight to it.
//!
//! An origin is *proven* while its last answer came in good time. The others, new ones included, get few tasks each and at
//! most half of all: a thousand tarpits take no task from an origin that works.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use store::PushSubscriptionId;
use webpush::origin::Origin;

use crate::backoff::Answer;
use crate::clock::Tick;
use crate::schedule::Limits;

/// What an attempt taught about its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginNews {
    /// Nothing: nothing was posted.
    None,
    /// It answered in good time.
    Proven,
    /// It did not answer, or not in good time.
    Slow,
    /// Nothing is posted to it before then: it asked for a pause, is paused, or has too much to do. Whose pauses these are is
    /// known to the sender.
    Holds(Tick),
}

impl OriginNews {
    /// What an answer teaches that came at `now`, after so long.
    #[must_use]
    pub fn of(answer: Answer, took: Duration, now: Tick) -> Self {
        match answer {
            Answer::Unreachable => Self::Slow,
            Answer::Withheld { wait } => Self::Holds(now.after(wait.min(HOLD_MAX))),
            _ if took > GOOD_TIME => Self::Slow,
            _ => Self::Proven,
        }
    }
}

/// The queues.
#[derive(Debug)]
pub(super) struct Origins {
    limits: Limits,
    states: BTreeMap<Origin, State>,
    /// Origins with a queue and room, in turn: the proven and the others.
    proven_turns: VecDeque<Origin>,
    unproven_turns: VecDeque<Origin>,
    in_flight: usize,
    unproven_in_flight: usize,
    /// Whose turn it is when both have something.
    proven_next: bool,
    /// The number of origins at which those are forgotten that nothing is to be done for.
    prune_at: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<PushSubscriptionId>,
    in_flight: usize,
    /// Those of `in_flight` that were taken while it was unproven.
    unproven_in_flight: usize,
    proven: bool,
    /// Whether it stands in one of the turns.
    listed: bool,
    held_until: Option<Tick>,
}

/// Subscriptions that were ready and must wait after all.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) ids: VecDeque<PushSubscriptionId>,
    pub(super) until: Tick,
}

impl Origins {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            states: BTreeMap::new(),
            proven_turns: VecDeque::new(),
            unproven_turns: VecDeque::new(),
            in_flight: 0,
            unproven_in_flight: 0,
            proven_next: true,
            prune_at: ORIGINS_MAX,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Until when everything for this origin has to wait.
    pub(super) fn held_until(&self, origin: &Origin, now: Tick) -> Option<Tick> {
        self.states.get(origin)?.held_until.filter(|&until| until > now)
    }

    /// A subscription of this origin is ready.
    pub(super) fn queue(&mut self, origin: &Origin, id: PushSubscriptionId) {
        self.states.entry(origin.clone()).or_default().queue.push_back(id);
        self.list(origin);
    }

    /// A subscription that was ready is so no more.
    pub(super) fn unqueue(&mut self, origin: &Origin, id: PushSubscriptionId) {
        if let Some(state) = self.states.get_mut(origin) {
            state.queue.retain(|&queued| queued != id);
        }
    }

    /// The next that is ready and has room, counted as in flight.
    pub(super) fn take(&mut self) -> Option<PushSubscriptionId> {
        while self.in_flight < self.limits.tasks {
            let origin = self.next_origin()?;
            let state = self.states.get_mut(&origin)?;
            state.listed = false;
            let Some(id) = state.queue.pop_front() else { continue };
            state.in_flight += 1;
            self.in_flight += 1;
            if !state.proven {
                state.unproven_in_flight += 1;
                self.unproven_in_flight += 1;
            }
            self.list(&origin);
            return Some(id);
        }
        None
    }

    /// An attempt has ended. Answers which of the ready ones must wait now.
    pub(super) fn finish(&mut self, origin: &Origin, news: OriginNews, now: Tick) -> Held {
        let mut held = Held { ids: VecDeque::new(), until: now };
        let Some(state) = self.states.get_mut(origin) else { return held };
        assert!(state.in_flight > 0, "an attempt ended that had not begun");
        state.in_flight -= 1;
        self.in_flight -= 1;
        // Which of them ended makes no difference to the sums.
        if state.unproven_in_flight > 0 {
            state.unproven_in_flight -= 1;
            self.unproven_in_flight -= 1;
        }
        state.learn(news);
        if let Some(until) = state.held_until.filter(|&until| until > now) {
            held = Held { ids: std::mem::take(&mut state.queue), until };
        }
        self.list(origin);
        if self.states.len() >= self.prune_at {
            self.states.retain(|_, state| !state.is_idle(now));
            self.prune_at = ORIGINS_MAX.max(self.states.len() * 2);
        }
        held
    }

    fn next_origin(&mut self) -> Option<Origin> {
        let unproven_has_room = self.unproven_in_flight < self.limits.tasks.div_ceil(2);
        self.proven_next = !self.proven_next;
        let unproven_first = !self.proven_next && unproven_has_room;
        if unproven_first && let Some(origin) = self.unproven_turns.pop_front() {
            return Some(origin);
        }
        if let Some(origin) = self.proven_turns.pop_front() {
            return Some(origin);
        }
        if unproven_has_room { self.unproven_turns.pop_front() } else { None }
    }

    /// Gives an origin a turn if it has something ready, has room and has none yet.
    fn list(&mut self, origin: &Origin) {
        let Some(state) = self.states.get_mut(origin) else { return };
        let bound = if state.proven { self.limits.origin_tasks } else { self.limits.unproven_origin_tasks };
        if state.listed || state.queue.is_empty() || state.in_flight >= bound {
            return;
        }
        state.listed = true;
        let turns = if state.proven { &mut self.proven_turns } else { &mut self.unproven_turns };
        turns.push_back(origin.clone());
    }
}

impl State {
    fn is_idle(&self, now: Tick) -> bool {
        let is_held = self.held_until.is_some_and(|until| until > now);
        self.queue.is_empty() && self.in_flight == 0 && !self.listed && !is_held
    }

    fn learn(&mut self, news: OriginNews) {
        match news {
            OriginNews::None => {}
            OriginNews::Proven => self.proven = true,
            OriginNews::Slow => self.proven = false,
            OriginNews::Holds(until) => self.held_until = self.held_until.max(Some(until)),
        }
    }
}

/// An origin that takes longer to answer occupies tasks that others need.
const GOOD_TIME: Duration = Duration::from_secs(3);
/// One answer holds a whole origin for no longer than this.
const HOLD_MAX: Duration = Duration::from_secs(3600);
/// Origins remembered although nothing is to be done for them. Beyond it they have to prove themselves anew.
const ORIGINS_MAX: usize = 4096;
