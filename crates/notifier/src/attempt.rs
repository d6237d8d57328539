//! One attempt for one subscription: read its row, decide, compose, post, and take note of the answer.
//!
//! Everything is read anew each time; what woke the subscription is of no interest here.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use push_sender::request::Wanted;
use store::{
    CursorsElsewhere, Error, ModSeq, PushAttempts, PushKind, PushProgress, PushState, PushSubscription,
    PushSubscriptionId, PushVerdict, Store, UnixTime,
};
use tracing::{info, warn};
use webpush::header::Urgency;

use crate::agenda::{Agenda, Situation, agenda};
use crate::backoff::{self, Answer, Draw, Next};
use crate::clock::{Clock, Now};
use crate::compose::{Assignment, Composer, Composers, Detail, Life, Push};
use crate::post::{Delivery, Post, Posted};
use crate::progress::Progress;
use crate::schedule::{Finish, OriginNews, Pace, Turn};
use crate::settle::Settling;
use crate::silence::SessionSilence;
use crate::vapid::VapidKeys;
use crate::verification::Verifications;

pub(crate) mod trial;

/// What every attempt uses.
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) composers: Composers,
    pub(crate) post: Arc<dyn Post>,
    pub(crate) keys: VapidKeys,
    pub(crate) silence: SessionSilence,
    pub(crate) clock: Clock,
    pub(crate) pace: Pace,
    pub(crate) progress: Progress,
    pub(crate) settling: Settling,
    pub(crate) verifications: Verifications,
    pub(crate) jitter: Jitter,
}

/// How an attempt left its subscription, and what it taught about the origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) finish: Finish,
    pub(crate) news: OriginNews,
}

impl Ended {
    fn with(finish: Finish) -> Self {
        Self { finish, news: OriginNews::None }
    }
}

/// Attempts whatever the subscription needs now. A store that is unavailable is asked again a little later.
pub(crate) async fn attempt(context: &Context, turn: Turn) -> Ended {
    match one(context, turn).await {
        Ok(ended) => ended,
        // Removed, or its credential revoked, which removes it.
        Err(Error::NotFound(_)) => {
            context.progress.forget(turn.id);
            context.settling.forget(turn.id);
            context.silence.removed(turn.id);
            Ended::with(Finish::Gone)
        }
        Err(error) => {
            warn!(subscription = turn.id.0, %error, "push attempt put off");
            Ended::with(Finish::Later(context.clock.now().tick.after(STORE_WAIT)))
        }
    }
}

async fn one(context: &Context, turn: Turn) -> store::Result<Ended> {
    let Some(task) = Task::of(context, turn.id).await? else {
        return Ok(Ended::with(Finish::Quiet));
    };
    let key_at_hand = match &task.subscription.state {
        PushState::Active { vapid_key } if is_signed(&task.subscription) => {
            context.keys.key(vapid_key).is_some()
        }
        PushState::Active { .. } | PushState::Pending { .. } | PushState::Inactive => true,
    };
    let situation = Situation {
        now: context.clock.now(),
        session_silent: context.silence.is_silent(turn.id),
        key_at_hand,
        detail: turn.detail,
    };
    match agenda(&task.subscription, &situation) {
        Agenda::Nothing => Ok(Ended::with(Finish::Quiet)),
        Agenda::Wait(tick) => Ok(Ended::with(Finish::Later(tick))),
        Agenda::Deactivate => task.deactivate().await.map(Ended::with),
        Agenda::Verify { token } => task.verify(&token).await,
        Agenda::Tell { detail, ends_silence, notice } => {
            let told = task.tell(detail, ends_silence, turn).await?;
            match (told, notice) {
                (Told::Nothing, Some(new_key)) => task.give_notice(&new_key).await,
                (Told::Nothing, None) => Ok(Ended::with(Finish::Quiet)),
                (Told::Ended(ended), _) => Ok(ended),
            }
        }
    }
}

/// What became of telling the changes.
enum Told {
    /// There was nothing to tell.
    Nothing,
    Ended(Ended),
}

/// A push that was posted, or tried to be.
struct Attempted {
    posted: Posted,
    took: Duration,
}

/// One subscription during one attempt.
struct Task<'a> {
    context: &'a Context,
    subscription: Arc<PushSubscription>,
    composer: Arc<dyn Composer>,
}

impl<'a> Task<'a> {
    /// The subscription as it stands; `None` if nobody composes for its kind.
    async fn of(context: &'a Context, id: PushSubscriptionId) -> store::Result<Option<Self>> {
        let mut subscription = context.store.push_subscription(id).await?;
        context.progress.apply(&mut subscription);
        let composer = context.composers.of(subscription.kind).map(Arc::clone);
        Ok(composer.map(|composer| Self { context, subscription: Arc::new(subscription), composer }))
    }
}

impl Task<'_> {
    async fn verify(&self, token: &str) -> store::Result<Ended> {
        let Some(push) = self.composer.verification(&self.subscription, token) else {
            return self.deactivate().await.map(Ended::with);
        };
        let attempted = self.post(push, "verification", self.subscription.cursor).await;
        let concluded = self
            .conclude(&attempted, Detail::Summary, async |now| {
                self.note((self.subscription.cursor, CursorsElsewhere::default()), &attempted, now);
                self.judge(PushVerdict::TokenSent).await?;
                Ok(Finish::Quiet)
            })
            .await;
        self.context.verifications.tell(&self.subscription.client_id, attempted.posted.answer);
        concluded
    }

    async fn give_notice(&self, new_key: &str) -> store::Result<Ended> {
        let Some(push) = self.composer.key_notice(new_key) else {
            self.judge(PushVerdict::NoticeSent).await?;
            return Ok(Ended::with(Finish::Quiet));
        };
        let attempted = self.post(push, "notice", self.subscription.cursor).await;
        self.conclude(&attempted, Detail::Summary, async |now| {
            self.note((self.subscription.cursor, CursorsElsewhere::default()), &attempted, now);
            self.judge(PushVerdict::NoticeSent).await?;
            Ok(Finish::Pushed { more: false })
        })
        .await
    }

    async fn tell(&self, detail: Detail, ends_silence: bool, turn: Turn) -> store::Result<Told> {
        let Context { store, silence, .. } = self.context;
        let PushSubscription { id, account, credential, cursor, .. } = *self.subscription;
        let access = store.access_of_credential(account, credential).await?;
        let recollection = silence.recollect(id);
        let assignment = Assignment {
            subscription: &self.subscription,
            access: &access,
            from: cursor,
            detail,
            known: &recollection.known,
        };
        let composed = self.composer.compose(store, assignment).await?;
        // What the device has been told, or needs not be told.
        let passed = async || {
            if ends_silence {
                self.judge(PushVerdict::SilenceOver).await?;
            }
            if !composed.more {
                silence.forget(id, &recollection);
            }
            store::Result::Ok(())
        };
        let mut pushes = composed.pushes.into_iter();
        let Some(push) = pushes.next() else {
            let (reached, elsewhere) = (composed.cursor, composed.elsewhere);
            if reached > cursor || !elsewhere.is_empty() {
                let attempts = self.subscription.attempts.clone();
                self.context.progress.note(PushProgress { id, cursor: reached, elsewhere, attempts });
            }
            passed().await?;
            let more = Ended::with(Finish::Later(self.context.clock.now().tick));
            return Ok(if composed.more { Told::Ended(more) } else { Told::Nothing });
        };
        let is_high = |push: &Push| push.urgency == Urgency::High;
        let (now, announces_mail) =
            (self.context.clock.now().tick, is_high(&push) || pushes.as_slice().iter().any(is_high));
        let held = self.context.pace.held_until(turn.last_push, announces_mail, now);
        let merge_time = if announces_mail { Duration::ZERO } else { self.composer.merge_time() };
        if let Some(until) = held.max(self.context.settling.until(id, merge_time, now)) {
            return Ok(Told::Ended(Ended::with(Finish::Later(until))));
        }
        let mut attempted = self.post(push, "changes", composed.cursor).await;
        while attempted.posted.answer == Answer::Taken
            && let Some(push) = pushes.next()
        {
            attempted = self.post(push, "changes", composed.cursor).await;
        }
        let ended = self
            .conclude(&attempted, detail, async |now| {
                self.note((composed.cursor, composed.elsewhere), &attempted, now);
                self.context.settling.forget(id);
                passed().await?;
                match self.composer.life() {
                    Life::Lasting => Ok(Finish::Pushed { more: composed.more }),
                    Life::OnePush => self.end(PushVerdict::Fired).await,
                }
            })
            .await?;
        Ok(Told::Ended(ended))
    }

    /// Posts and counts. The log line of this unit of work, `push.attempt`, is the sender's.
    async fn post(&self, push: Push, what: &'static str, modseq: ModSeq) -> Attempted {
        let begun = Instant::now();
        let Some(key) = self.signing_key() else {
            // It was dropped since the agenda was made; the next attempt deactivates.
            let posted = Posted { answer: Answer::Withheld { wait: STORE_WAIT }, said: "no key".to_owned() };
            return Attempted { posted, took: Duration::ZERO };
        };
        let subscription = Arc::clone(&self.subscription);
        let delivery = Delivery { subscription, push, modseq, key, wanted: self.wanted() };
        let posted = self.context.post.post(delivery).await;
        let took = begun.elapsed();
        metrics::counter!("mailbell_push_attempts_total", "what" => what, "answer" => posted.answer.class())
            .increment(1);
        metrics::histogram!("mailbell_push_attempt_seconds", "what" => what).record(took);
        Attempted { posted, took }
    }

    /// Does what the answer asks for; `taken` if the push service took the push.
    async fn conclude(
        &self,
        attempted: &Attempted,
        detail: Detail,
        taken: impl AsyncFnOnce(Now) -> store::Result<Finish>,
    ) -> store::Result<Ended> {
        let now = self.context.clock.now();
        let posted = &attempted.posted;
        let news = OriginNews::of(posted.answer, attempted.took, now.tick);
        // What a former endpoint was told, or demanded, is nothing to the one that the client has given since.
        let current = self.context.store.push_subscription(self.subscription.id).await?;
        if !is_same(&current, &self.subscription) {
            // A quick client has acknowledged the token before its push service said that it took the push.
            if posted.answer == Answer::Taken && has_same_endpoint(&current, &self.subscription) {
                self.note((self.subscription.cursor, CursorsElsewhere::default()), attempted, now);
            }
            return Ok(Ended { finish: Finish::Later(now.tick), news });
        }
        let draw = self.context.jitter.draw();
        let finish = match backoff::next(posted.answer, self.subscription.attempts.failures, detail, draw) {
            Next::Told => taken(now).await?,
            Next::Smaller => Finish::Smaller,
            Next::Wait { wait, failures } => {
                let until = now.tick.after(wait);
                self.note_failure(&posted.said, now, (failures, Some(now.unix_of(until))));
                Finish::Barred(until)
            }
            Next::Remove => self.end(PushVerdict::Remove).await?,
            Next::Deactivate => {
                let finish = self.deactivate().await?;
                if finish == Finish::Gone {
                    // Its user is to see why.
                    let failures = self.subscription.attempts.failures.saturating_add(1);
                    self.note_failure(&posted.said, now, (failures, None));
                }
                finish
            }
        };
        Ok(Ended { finish, news })
    }

    /// Ends what can't be served: its client may ask for it again, or, where the protocol has no word for that, make another.
    async fn deactivate(&self) -> store::Result<Finish> {
        self.end(match self.subscription.kind {
            PushKind::Jmap => PushVerdict::Remove,
            PushKind::ImapWebPush | PushKind::HttpPut | PushKind::Apple => PushVerdict::Deactivate,
        })
        .await
    }

    /// Ends the subscription.
    async fn end(&self, verdict: PushVerdict) -> store::Result<Finish> {
        if !self.judge(verdict).await? {
            return Ok(Finish::Later(self.context.clock.now().tick));
        }
        info!(
            account = self.subscription.account.0,
            subscription = self.subscription.id.0,
            ?verdict,
            "push.end"
        );
        if verdict == PushVerdict::Remove {
            self.context.progress.forget(self.subscription.id);
        }
        self.context.settling.forget(self.subscription.id);
        Ok(Finish::Gone)
    }

    /// ARCHITECTURE.md, invariant 4: a push that has been composed, and has waited for its turn, leaves only if its
    /// subscription is still there as it was.
    fn wanted(&self) -> Wanted {
        let (store, then) = (self.context.store.clone(), Arc::clone(&self.subscription));
        Wanted::new(move || {
            let (store, then) = (store.clone(), Arc::clone(&then));
            Box::pin(async move { is_unaltered(&store, &then).await.unwrap_or(false) })
        })
    }

    /// Whether it was applied: not if the client has altered since this attempt began what it is about.
    async fn judge(&self, verdict: PushVerdict) -> store::Result<bool> {
        self.context.store.judge_push_subscription(&self.subscription, verdict).await
    }

    /// It stands at these cursors, and its push service has just taken a push.
    fn note(&self, (cursor, elsewhere): (ModSeq, CursorsElsewhere), attempted: &Attempted, now: Now) {
        let attempts = PushAttempts {
            failures: 0,
            next_attempt_at: None,
            last_push_at: Some(now.unix),
            last_answer: Some(attempted.posted.said.clone()),
            last_answer_at: Some(now.unix),
        };
        let id = self.subscription.id;
        self.context.progress.note(PushProgress { id, cursor, elsewhere, attempts });
    }

    /// It stands where it stood, after so many failures in a row and not to be attempted before then.
    fn note_failure(&self, said: &str, now: Now, (failures, next_attempt_at): (u32, Option<UnixTime>)) {
        let attempts = PushAttempts {
            failures,
            next_attempt_at,
            last_push_at: self.subscription.attempts.last_push_at,
            last_answer: Some(said.to_owned()),
            last_answer_at: Some(now.unix),
        };
        let PushSubscription { id, cursor, .. } = *self.subscription;
        let elsewhere = CursorsElsewhere::default();
        self.context.progress.note(PushProgress { id, cursor, elsewhere, attempts });
    }

    /// RFC 8292 §4.2: the key that the subscription was made for.
    fn signing_key(&self) -> Option<Arc<webpush::vapid::key::SigningKey>> {
        let keys = &self.context.keys;
        match &self.subscription.state {
            PushState::Active { vapid_key } if is_signed(&self.subscription) => keys.key(vapid_key),
            PushState::Pending { vapid_key, .. } if self.subscription.kind == PushKind::Jmap => {
                keys.key(vapid_key)
            }
            _ => Some(keys.current()),
        }
    }
}

/// Whether its pushes are signed with a VAPID key.
fn is_signed(subscription: &PushSubscription) -> bool {
    match subscription.kind {
        PushKind::ImapWebPush | PushKind::Jmap => true,
        PushKind::HttpPut | PushKind::Apple => false,
    }
}

/// Whether endpoint, keys and state are still those that an attempt began with.
async fn is_unaltered(store: &Store, then: &PushSubscription) -> store::Result<bool> {
    Ok(is_same(&store.push_subscription(then.id).await?, then))
}

fn is_same(now: &PushSubscription, then: &PushSubscription) -> bool {
    has_same_endpoint(now, then) && now.state == then.state && now.request == then.request
}

fn has_same_endpoint(now: &PushSubscription, then: &PushSubscription) -> bool {
    now.endpoint == then.endpoint && now.public_key == then.public_key && now.auth == then.auth
}

/// Random numbers for the spreading of retries. They keep no secret.
#[derive(Debug)]
pub(crate) struct Jitter(Mutex<u64>);

impl Jitter {
    pub(crate) fn seeded() -> Self {
        // The standard library's only source of randomness: a hasher with random keys.
        Self(Mutex::new(std::collections::hash_map::RandomState::new().hash_one(0_u64)))
    }

    /// The next number (SplitMix64).
    pub(crate) fn draw(&self) -> Draw {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Draw(u32::try_from(mixed >> 32).unwrap_or(u32::MAX))
    }
}

/// After the store said Unavailable.
const STORE_WAIT: Duration = Duration::from_secs(5);
