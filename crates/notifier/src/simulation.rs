//! The scheduling modules together in virtual time, against a model of store, push services and devices: random changes,
//! lost wakes, failures, silences and crashes. Every device must learn of every change, in order, whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use store::{
    AccountId, CredentialId, CursorsElsewhere, ModSeq, PushAttempts, PushKind, PushProgress, PushState,
    PushSubscription, PushSubscriptionId, UnixTime,
};
use webpush::origin::Origin;

use crate::agenda::{Agenda, Situation, agenda};
use crate::backoff::{self, Answer, Draw, Next};
use crate::clock::{Now, Tick};
use crate::compose::Detail;
use crate::progress::Progress;
use crate::schedule::{Board, Finish, Key, Limits, OriginNews, Pace, Turn};

const SUBSCRIPTIONS: u64 = 12;
const PACE: Pace = Pace { delivery_interval: Duration::from_secs(1), min_interval: Duration::from_secs(5) };
const LIMITS: Limits = Limits {
    tasks: 6,
    origin_tasks: 3,
    unproven_origin_tasks: 2,
    slots: 9,
    horizon: Duration::from_secs(120),
};

/// A push under way.
#[derive(Clone, Copy, Debug)]
struct Posted {
    from: ModSeq,
    to: ModSeq,
    ends_silence: bool,
    detail: Detail,
    answered_at: Tick,
    /// Whether its endpoint has been altered since.
    to_former: bool,
}

/// What a device has been told, and how its push service behaves.
#[derive(Clone, Copy, Debug)]
struct Device {
    told: ModSeq,
    last_push: Option<Tick>,
    answer: Answer,
    not_before: Tick,
}

struct World {
    random: u64,
    now: Tick,
    /// The account's MODSEQ, and of every change whether it is newly delivered mail.
    changes: Vec<bool>,
    /// Durable.
    rows: BTreeMap<PushSubscriptionId, PushSubscription>,
    devices: BTreeMap<PushSubscriptionId, Device>,
    /// Lost in a crash.
    board: Board,
    progress: Progress,
    in_flight: BTreeMap<PushSubscriptionId, Posted>,
}

impl World {
    fn new(seed: u64) -> Self {
        let ids = || (1..=SUBSCRIPTIONS).map(PushSubscriptionId);
        let device = Device { told: ModSeq(0), last_push: None, answer: Answer::Taken, not_before: Tick(0) };
        Self {
            random: seed,
            now: Tick(0),
            changes: Vec::new(),
            rows: ids().map(|id| (id, row(id))).collect(),
            devices: ids().map(|id| (id, device)).collect(),
            board: Board::new(LIMITS, PACE),
            progress: Progress::default(),
            in_flight: BTreeMap::new(),
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn now(&self) -> Now {
        Now { tick: self.now, unix: UnixTime(1_000_000 + i64::try_from(self.now.0 / 1000).expect("small")) }
    }

    fn modseq(&self) -> ModSeq {
        ModSeq(self.changes.len() as u64)
    }

    fn any_id(&mut self) -> PushSubscriptionId {
        PushSubscriptionId(1 + self.draw(SUBSCRIPTIONS))
    }

    /// Something happens.
    fn step(&mut self) {
        match self.draw(20) {
            0..8 => {
                let is_mail = self.draw(2) == 0;
                self.changes.push(is_mail);
                // Every fourth wake is lost.
                if self.draw(4) > 0 {
                    self.wake_all();
                }
            }
            8..14 => {
                let millis = [10, 300, 1_000, 7_000, 90_000][usize::try_from(self.draw(5)).expect("small")];
                self.pass(Duration::from_millis(millis));
            }
            14 => self.sweep(),
            15 => self.flush(),
            16 => self.crash(),
            17 => {
                let id = self.any_id();
                let seconds = i64::try_from(self.draw(60)).expect("small");
                let (until, modseq) = (UnixTime(self.now().unix.0 + seconds), self.modseq());
                let row = self.rows.get_mut(&id).expect("a row");
                row.silenced_until = (seconds > 10).then_some(until);
                row.silenced_at = row.silenced_at.or(Some(modseq));
                self.wake(id);
            }
            18 => self.alter(),
            _ => {
                let id = self.any_id();
                let wait = Duration::from_secs(1 + self.draw(100));
                let answers = [
                    Answer::Taken,
                    Answer::Taken,
                    Answer::TooLarge,
                    Answer::TooMany { retry_after: Some(wait) },
                    Answer::Failing { retry_after: None },
                    Answer::Unreachable,
                    Answer::Withheld { wait },
                ];
                let answer = answers[usize::try_from(self.draw(7)).expect("small")];
                self.devices.get_mut(&id).expect("a device").answer = answer;
            }
        }
        self.start();
    }

    /// A client moves to another endpoint.
    fn alter(&mut self) {
        let id = self.any_id();
        self.board.alter(id);
        self.progress.reset_attempts(id);
        self.rows.get_mut(&id).expect("a row").attempts = PushAttempts::default();
        let device = self.devices.get_mut(&id).expect("a device");
        (device.last_push, device.not_before, device.answer) = (None, Tick(0), Answer::Taken);
        if let Some(posted) = self.in_flight.get_mut(&id) {
            posted.to_former = true;
        }
        self.wake(id);
    }

    fn wake(&mut self, id: PushSubscriptionId) {
        let origin = Origin::parse(&format!("https://push{}.example", id.0 % 4)).expect("an origin");
        self.board.wake(&Key { id, origin }, self.now);
    }

    fn wake_all(&mut self) {
        let ids: Vec<_> = self.rows.keys().copied().collect();
        ids.into_iter().for_each(|id| self.wake(id));
    }

    fn sweep(&mut self) {
        let (now, modseq) = (self.now().unix, self.modseq());
        let is_due = |row: &&PushSubscription| {
            row.attempts.next_attempt_at.is_none_or(|at| at <= now)
                && (row.cursor < modseq || row.silenced_at.is_some())
        };
        let due: Vec<_> = self.rows.values().filter(is_due).map(|row| row.id).collect();
        due.into_iter().for_each(|id| self.wake(id));
    }

    fn note(&self, id: PushSubscriptionId, cursor: ModSeq, attempts: PushAttempts) {
        let elsewhere = CursorsElsewhere::default();
        self.progress.note(PushProgress { id, cursor, elsewhere, attempts });
    }

    fn flush(&mut self) {
        let Some(batch) = self.progress.batch(3) else { return };
        for stored in &batch.progress {
            let row = self.rows.get_mut(&stored.id).expect("a row");
            row.cursor = row.cursor.max(stored.cursor);
            row.attempts = stored.attempts.clone();
        }
        self.progress.stored(&batch);
    }

    /// The process dies. What was being posted may have arrived or not.
    fn crash(&mut self) {
        for (id, posted) in std::mem::take(&mut self.in_flight) {
            if self.draw(2) == 0 {
                self.arrive(id, posted);
            }
        }
        self.board = Board::new(LIMITS, PACE);
        self.progress = Progress::default();
        self.devices.values_mut().for_each(|device| (device.last_push, device.not_before) = (None, Tick(0)));
        self.sweep();
    }

    /// Time passes; whatever comes due meanwhile is done then.
    fn pass(&mut self, time: Duration) {
        let end = self.now.after(time);
        loop {
            self.start();
            let answers = self.in_flight.values().map(|posted| posted.answered_at);
            let Some(next) = answers.chain(self.board.next_tick()).min().filter(|&next| next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            let answered: Vec<_> = self
                .in_flight
                .iter()
                .filter(|(_, p)| p.answered_at <= self.now)
                .map(|(&id, &p)| (id, p))
                .collect();
            for (id, posted) in answered {
                self.in_flight.remove(&id);
                self.answered(id, posted);
            }
        }
        self.now = end;
    }

    fn start(&mut self) {
        while let Some(turn) = self.board.take(self.now) {
            assert!(!self.in_flight.contains_key(&turn.id), "one push in flight for a subscription");
            if let Some(finish) = self.begin(turn) {
                self.board.finish(turn.id, finish, OriginNews::None, self.now);
            }
        }
        assert!(self.in_flight.len() <= LIMITS.tasks && self.board.len() <= LIMITS.slots);
    }

    /// `None`: a push has left.
    fn begin(&mut self, turn: Turn) -> Option<Finish> {
        let mut row = self.rows.get(&turn.id).expect("a row").clone();
        self.progress.apply(&mut row);
        let situation =
            Situation { now: self.now(), session_silent: false, key_at_hand: true, detail: turn.detail };
        let (detail, ends_silence) = match agenda(&row, &situation) {
            Agenda::Tell { detail, ends_silence, .. } => (detail, ends_silence),
            Agenda::Wait(tick) => return Some(Finish::Later(tick)),
            other => panic!("{other:?}"),
        };
        let from = row.cursor;
        if from == self.modseq() {
            self.told(turn.id, ends_silence);
            return Some(Finish::Quiet);
        }
        let start = usize::try_from(from.0).expect("small");
        let announces_mail = self.changes[start..].contains(&true) && detail == Detail::Full;
        if let Some(until) = PACE.held_until(turn.last_push, announces_mail, self.now) {
            return Some(Finish::Later(until));
        }
        let device = self.devices.get(&turn.id).expect("a device");
        assert!(self.now >= device.not_before, "{:?}: before its push service allowed it", turn.id);
        assert!(row.silenced_until.is_none_or(|until| until <= self.now().unix), "pushed during a silence");
        let gap = device.last_push.map(|last| self.now.since(last));
        assert!(gap.is_none_or(|gap| gap >= PACE.delivery_interval), "{gap:?} after the last push");
        let answered_at = self.now.after(Duration::from_millis(5));
        self.in_flight.insert(
            turn.id,
            Posted { from, to: self.modseq(), ends_silence, detail, answered_at, to_former: false },
        );
        None
    }

    fn arrive(&mut self, id: PushSubscriptionId, posted: Posted) {
        let device = self.devices.get_mut(&id).expect("a device");
        assert!(
            posted.from <= device.told,
            "{id:?} is not told of what lies between {:?} and {posted:?}",
            device.told
        );
        device.told = device.told.max(posted.to);
    }

    fn answered(&mut self, id: PushSubscriptionId, posted: Posted) {
        let device = *self.devices.get(&id).expect("a device");
        let is_small = posted.detail == Detail::Summary;
        let answer =
            if device.answer == Answer::TooLarge && is_small { Answer::Taken } else { device.answer };
        let mut row = self.rows.get(&id).expect("a row").clone();
        self.progress.apply(&mut row);
        // Deactivation after twenty failures has its own test; here every device is to be told in the end.
        let failures = row.attempts.failures.min(backoff::FAILURES_MAX - 2);
        let draw = Draw(u32::try_from(self.draw(1 << 32)).expect("32 bits"));
        let finish = match backoff::next(answer, failures, posted.detail, draw) {
            Next::Told => {
                self.arrive(id, posted);
                self.note(id, posted.to, PushAttempts::default());
                self.told(id, posted.ends_silence);
                if !posted.to_former {
                    self.devices.get_mut(&id).expect("a device").last_push = Some(self.now);
                }
                Finish::Pushed { more: false }
            }
            Next::Smaller => Finish::Smaller,
            Next::Wait { .. } if posted.to_former => Finish::Later(self.now),
            Next::Wait { wait, failures } => {
                let until = self.now.after(wait);
                let next_attempt_at = Some(self.now().unix_of(until));
                self.note(id, row.cursor, PushAttempts { failures, next_attempt_at, ..row.attempts });
                self.devices.get_mut(&id).expect("a device").not_before = until;
                Finish::Barred(until)
            }
            other => panic!("{other:?}"),
        };
        self.board.finish(id, finish, OriginNews::of(answer, Duration::ZERO, self.now), self.now);
    }

    fn told(&mut self, id: PushSubscriptionId, ends_silence: bool) {
        if ends_silence {
            let row = self.rows.get_mut(&id).expect("a row");
            (row.silenced_until, row.silenced_at) = (None, None);
        }
    }

    /// All push services work again, and time passes as it does.
    fn settle(&mut self) {
        self.devices.values_mut().for_each(|device| device.answer = Answer::Taken);
        for _ in 0..300 {
            self.pass(Duration::from_secs(30));
            self.flush();
            self.sweep();
        }
    }
}

fn row(id: PushSubscriptionId) -> PushSubscription {
    PushSubscription {
        id,
        account: AccountId(1),
        credential: CredentialId(1),
        kind: PushKind::ImapWebPush,
        client_id: String::new(),
        name: String::new(),
        endpoint: String::new(),
        public_key: Vec::new(),
        auth: Vec::new(),
        enabled: Vec::new(),
        state: PushState::Active { vapid_key: String::new() },
        updated_at: UnixTime(0),
        silenced_until: None,
        cursor: ModSeq(0),
        elsewhere: CursorsElsewhere::default(),
        silenced_at: None,
        vapid_notice: None,
        request: String::new(),
        device: String::new(),
        code: String::new(),
        expires_at: None,
        attempts: PushAttempts::default(),
    }
}

#[test]
fn whatever_happens_every_device_is_told_of_everything_in_the_end() {
    for seed in 0..100 {
        println!("seed {seed}");
        let mut world = World::new(seed);
        (0..400).for_each(|_| world.step());
        world.settle();
        for (id, device) in &world.devices {
            assert_eq!(device.told, world.modseq(), "{id:?}");
        }
        assert!(world.board.is_empty(), "nothing is left to be done");
    }
}
