use store::{Access, NewAccount, NewPushSubscription, PushKind, UnixTime};
use webpush::header::{Ttl, Urgency};

use super::*;
use crate::backoff::Answer;
use crate::compose::{Assignment, Composed, Composer, Composing, Push};
use crate::post::{Posted, Posting};

/// Nothing is posted here.
struct Nowhere;

impl Post for Nowhere {
    fn post(&self, _: crate::post::Delivery) -> Posting<'_> {
        Box::pin(std::future::pending::<Posted>())
    }
}

/// A notifier over an empty store, in which nothing is due for an hour.
async fn notifier(directory: &tempfile::TempDir) -> Notifier {
    let bus = Bus::new();
    let options = store::Options { data_dir: directory.path().join("data"), readers: 1 };
    let parts = Parts {
        store: Store::open(options, bus.clone()).await.unwrap(),
        bus,
        composers: Composers::new([]),
        post: Arc::new(Nowhere),
        keys: VapidKeys::new(webpush::vapid::key::SigningKey::generate().unwrap(), []),
        handle: Handle::new(),
        clock: Clock::system(),
    };
    Notifier::new(parts, Options::new(Duration::ZERO))
}

/// Has a job panic as a bug in it would, and the notifier notice.
async fn panic_in(notifier: &mut Notifier, job: Job) {
    notifier.start(job, async { panic!("a bug") });
    let joined = notifier.tasks.join_next_with_id().await.unwrap();
    assert!(joined.is_err());
    notifier.joined(joined);
}

#[tokio::test]
async fn a_sweep_that_panics_is_followed_by_the_next_in_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut notifier = notifier(&directory).await;
    notifier.sweep.running = true;
    panic_in(&mut notifier, Job::Sweep).await;
    let now = notifier.context.clock.now().tick;
    assert!(!notifier.sweep.is_due(now), "not without pause");
    let later = now.after(notifier.options.sweep_interval);
    assert!(notifier.sweep.is_due(later));
    assert!(notifier.next_tick().is_some_and(|tick| tick <= later), "the loop wakes for it");
    // And it works: the store has nothing, so it comes to its end.
    notifier.start_sweep();
    let joined = notifier.tasks.join_next_with_id().await.unwrap();
    notifier.joined(joined);
    assert!(!notifier.sweep.running && notifier.jobs.is_empty());
}

#[tokio::test]
async fn looks_and_flushes_that_panic_give_their_places_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut notifier = notifier(&directory).await;
    for _ in 0..=LOOKS_IN_FLIGHT_MAX {
        notifier.looks_in_flight += 1;
        panic_in(&mut notifier, Job::Look).await;
    }
    assert_eq!(notifier.looks_in_flight, 0);
    notifier.flush.running = true;
    panic_in(&mut notifier, Job::Flush).await;
    assert!(!notifier.flush.running);
    panic_in(&mut notifier, Job::Find).await;
    assert!(notifier.jobs.is_empty());
}

/// A push service whose answer comes after the device has read the push and its client has acknowledged the token.
struct Late {
    store: Store,
    access: Access,
    key: String,
}

impl Post for Late {
    fn post(&self, _: crate::post::Delivery) -> Posting<'_> {
        Box::pin(async move {
            let acknowledged =
                self.store.acknowledge_push_subscription(&self.access, "token", &self.key, UnixTime(0)).await;
            assert!(acknowledged.unwrap().is_some());
            Posted { answer: Answer::Taken, said: "201".to_owned() }
        })
    }
}

/// Says a token and nothing else.
struct TokenOnly;

impl Composer for TokenOnly {
    fn kind(&self) -> PushKind {
        PushKind::ImapWebPush
    }

    fn compose<'a>(&'a self, _: &'a Store, assignment: Assignment<'a>) -> Composing<'a> {
        Box::pin(async move { Ok(Composed::nothing(assignment.from)) })
    }

    fn verification(&self, _: &PushSubscription, token: &str) -> Option<Push> {
        let cleartext = token.to_owned().into();
        Some(Push { cleartext, urgency: Urgency::High, topic: None, ttl: Ttl::from_seconds(600) })
    }

    fn key_notice(&self, _: &str) -> Option<Push> {
        None
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_the_acknowledgement_is_noted_too() {
    let directory = tempfile::tempdir().unwrap();
    let bus = Bus::new();
    let options = store::Options { data_dir: directory.path().join("data"), readers: 1 };
    let store = Store::open(options, bus.clone()).await.unwrap();
    store.create_account(NewAccount { name: "alice", password: "secret", quota_bytes: None }).await.unwrap();
    let access = store.authenticate("alice", "secret").await.unwrap().unwrap();
    let keys = VapidKeys::new(webpush::vapid::key::SigningKey::generate().unwrap(), []);
    let key = keys.current_id();
    let new = NewPushSubscription {
        account_max: 1,
        kind: PushKind::ImapWebPush,
        client_id: "phone".to_owned(),
        endpoint: "https://push.example.net/1".to_owned(),
        public_key: vec![4; 65],
        auth: vec![1; 16],
        enabled: Vec::new(),
        vapid_key: key.clone(),
        token: "token".to_owned(),
        expires_at: UnixTime(i64::MAX),
    };
    let id = store.put_push_subscription(&access, new).await.unwrap().subscription.id;
    let parts = Parts {
        store: store.clone(),
        bus,
        composers: Composers::new([Arc::new(TokenOnly) as Arc<dyn Composer>]),
        post: Arc::new(Late { store: store.clone(), access, key }),
        keys,
        handle: Handle::new(),
        clock: Clock::system(),
    };
    // Its first sweep finds the subscription.
    let notifier = Notifier::new(parts, Options::new(Duration::ZERO));
    let (trials, stop) = (notifier.trials(), CancellationToken::new());
    let running = tokio::spawn(notifier.run(stop.clone()));
    let noted = async {
        loop {
            let mut row = store.push_subscription(id).await.unwrap();
            trials.bring_up_to_date(&mut row);
            if row.attempts.last_push_at.is_some() {
                return row;
            }
            tokio::task::yield_now().await;
        }
    };
    let row = tokio::time::timeout(Duration::from_secs(60), noted).await.expect("it is noted");
    assert!(matches!(row.state, PushState::Active { .. }));
    assert_eq!(row.attempts.last_answer.as_deref(), Some("201"));
    stop.cancel();
    running.await.unwrap();
}
