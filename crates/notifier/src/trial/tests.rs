use parking_lot::Mutex;
use store::{
    Access, CursorsElsewhere, EndpointProof, NewAccount, NewPushRequest, NewPushSubscription, PushAttempts,
    PushKind, PushProgress, PushState, Store,
};
use webpush::header::{Ttl, Urgency};

use super::*;
use crate::clock::Clock;
use crate::compose::{Assignment, Composed, Composer, Composers, Composing, Life, Push};
use crate::notifier::{Handle, Notifier, Options, Parts};
use crate::post::{Delivery, Post, Posted, Posting};
use crate::vapid::VapidKeys;

/// A push service that answers as it is told, and keeps what it was sent.
#[derive(Default)]
struct Service {
    answer: Mutex<Option<(Answer, &'static str)>>,
    taken: Mutex<Vec<Delivery>>,
}

impl Post for Service {
    fn post(&self, delivery: Delivery) -> Posting<'_> {
        Box::pin(async move {
            self.taken.lock().push(delivery);
            let (answer, said) = self.answer.lock().expect("an answer");
            Posted { answer, said: said.to_owned() }
        })
    }
}

/// Composes nothing but trials, and for Apple's devices not even those.
struct Plain(PushKind);

impl Composer for Plain {
    fn kind(&self) -> PushKind {
        self.0
    }

    fn compose<'a>(&'a self, _: &'a Store, assignment: Assignment<'a>) -> Composing<'a> {
        Box::pin(async move { Ok(Composed::nothing(assignment.from)) })
    }

    fn verification(&self, _: &PushSubscription, _: &str) -> Option<Push> {
        None
    }

    fn key_notice(&self, _: &str) -> Option<Push> {
        None
    }

    fn trial(&self, subscription: &PushSubscription) -> Option<Push> {
        let cleartext = subscription.client_id.clone().into();
        let push = Push { cleartext, urgency: Urgency::High, topic: None, ttl: Ttl::from_seconds(600) };
        (self.0 != PushKind::Apple).then_some(push)
    }

    fn life(&self) -> Life {
        if self.0 == PushKind::HttpPut { Life::OnePush } else { Life::Lasting }
    }
}

struct World {
    store: Store,
    access: Access,
    service: Arc<Service>,
    notifier: Notifier,
    key: String,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bus = bus::Bus::new();
        let options = store::Options { data_dir: directory.path().join("data"), readers: 1 };
        let store = Store::open(options, bus.clone()).await.unwrap();
        store
            .create_account(NewAccount { name: "alice", password: "secret", quota_bytes: None })
            .await
            .unwrap();
        let access = store.authenticate("alice", "secret").await.unwrap().unwrap();
        let service = Arc::new(Service::default());
        let keys = VapidKeys::new(webpush::vapid::key::SigningKey::generate().unwrap(), []);
        let key = keys.current_id();
        let composers = PushKind::ALL.map(|kind| Arc::new(Plain(kind)) as Arc<dyn Composer>);
        let parts = Parts {
            store: store.clone(),
            bus,
            composers: Composers::new(composers),
            post: Arc::clone(&service) as Arc<dyn Post>,
            keys,
            handle: Handle::new(),
            clock: Clock::with_wall(|| NOW),
        };
        let notifier = Notifier::new(parts, Options::new(Duration::ZERO));
        Self { store, access, service, notifier, key, _directory: directory }
    }

    async fn pending(&self, client_id: &str) -> PushSubscriptionId {
        let new = NewPushSubscription {
            account_max: 50,
            kind: PushKind::ImapWebPush,
            client_id: client_id.to_owned(),
            endpoint: format!("https://push.example.net/{client_id}"),
            public_key: vec![4; 65],
            auth: vec![1; 16],
            enabled: Vec::new(),
            vapid_key: self.key.clone(),
            token: format!("token of {client_id}"),
            expires_at: UnixTime(NOW.0 + 600),
        };
        self.store.put_push_subscription(&self.access, new).await.unwrap().subscription.id
    }

    async fn active(&self, client_id: &str) -> PushSubscriptionId {
        let id = self.pending(client_id).await;
        let token = format!("token of {client_id}");
        let acknowledged =
            self.store.acknowledge_push_subscription(&self.access, &token, &self.key, NOW).await;
        assert!(acknowledged.unwrap().is_some());
        id
    }

    async fn requested(&self, kind: PushKind) -> PushSubscriptionId {
        let new = NewPushRequest {
            account_max: 50,
            kind,
            identity: "it".to_owned(),
            endpoint: "https://put.example.net/1".to_owned(),
            request: "version=1".to_owned(),
            version: None,
            proof: EndpointProof::NotNeeded,
        };
        self.store.put_push_request(&self.access, new).await.unwrap().subscription.id
    }

    async fn run(&self, id: PushSubscriptionId, answer: (Answer, &'static str)) -> Result<Trial, TrialError> {
        *self.service.answer.lock() = Some(answer);
        self.notifier.trials().run(id).await
    }

    /// As a user sees it.
    async fn row(&self, id: PushSubscriptionId) -> store::Result<PushSubscription> {
        let mut row = self.store.push_subscription(id).await?;
        self.notifier.trials().bring_up_to_date(&mut row);
        Ok(row)
    }

    async fn has_failed(&self, id: PushSubscriptionId, failures: u32, next_attempt_at: i64) {
        let attempts = PushAttempts {
            failures,
            next_attempt_at: Some(UnixTime(next_attempt_at)),
            last_answer: Some("timeout".to_owned()),
            ..PushAttempts::default()
        };
        let cursor = self.store.push_subscription(id).await.unwrap().cursor;
        self.store
            .record_push_progress(vec![PushProgress {
                id,
                cursor,
                elsewhere: CursorsElsewhere::default(),
                attempts,
            }])
            .await
            .unwrap();
    }

    fn posts(&self) -> usize {
        self.service.taken.lock().len()
    }
}

const NOW: UnixTime = UnixTime(1_700_000_000);
const TAKEN: (Answer, &str) = (Answer::Taken, "201");

#[tokio::test]
async fn an_answer_is_noted_and_a_failure_does_not_count() {
    let world = World::new().await;
    let retry_after = Some(Duration::from_secs(3600));
    let unreachable = (Answer::Unreachable, "timeout");
    // The answer, and then: failures in a row, whether the next attempt was put off further, when the last push was taken.
    let cases = [
        ("taken", TAKEN, 0, false, Some(NOW)),
        ("unreachable", unreachable, 19, false, None),
        ("refused key", (Answer::Unauthorized, "401"), 19, false, None),
        ("busy", (Answer::TooMany { retry_after }, "429"), 0, true, None),
    ];
    for (name, answer, failures, is_put_off, last_push_at) in cases {
        let id = world.active(name).await;
        world.has_failed(id, 19, NOW.0 + 60).await;
        let trial = world.run(id, answer).await.unwrap();
        assert_eq!((trial.said.as_str(), trial.is_removed), (answer.1, false), "{name}");
        let row = world.row(id).await.unwrap();
        let attempts = row.attempts;
        assert_eq!(
            (attempts.failures, attempts.last_answer.as_deref(), attempts.last_answer_at),
            (failures, Some(answer.1), Some(NOW)),
            "{name}"
        );
        assert_eq!(attempts.last_push_at, last_push_at, "{name}");
        let next = attempts.next_attempt_at.map(|next| next.0);
        let expected = if last_push_at.is_some() { None } else { Some(NOW.0 + 60) };
        match is_put_off {
            true => assert!(next >= Some(NOW.0 + 3600), "{name}: {next:?}"),
            false => assert_eq!(next, expected, "{name}"),
        }
        assert!(matches!(row.state, PushState::Active { .. }), "{name}");
    }
}

#[tokio::test]
async fn what_was_not_sent_changes_nothing() {
    let world = World::new().await;
    let id = world.active("phone").await;
    world.has_failed(id, 3, NOW.0 + 60).await;
    let before = world.row(id).await.unwrap();
    let trial = world.run(id, (Answer::Withheld { wait: Duration::from_secs(9) }, "deferred")).await.unwrap();
    assert_eq!(trial.said, "deferred");
    assert_eq!(world.row(id).await.unwrap(), before);
}

#[tokio::test]
async fn a_subscription_that_its_push_service_refuses_is_removed() {
    let world = World::new().await;
    let id = world.active("phone").await;
    let trial = world.run(id, (Answer::Refused, "410")).await.unwrap();
    assert!(trial.is_removed);
    assert!(matches!(world.row(id).await, Err(store::Error::NotFound(_))));
    let again = world.run(id, TAKEN).await;
    assert!(matches!(again, Err(TrialError::Store(store::Error::NotFound(_)))));
}

#[tokio::test]
async fn a_wait_that_the_push_service_demanded_holds_for_trials_too() {
    let world = World::new().await;
    for (name, said, is_held) in [("a", "429", true), ("b", "503", true), ("c", "401", false)] {
        let id = world.active(name).await;
        world.has_failed(id, 0, NOW.0 + 60).await;
        let mut attempts = world.row(id).await.unwrap().attempts;
        attempts.last_answer = Some(said.to_owned());
        let cursor = store::ModSeq(0);
        world
            .store
            .record_push_progress(vec![PushProgress {
                id,
                cursor,
                elsewhere: CursorsElsewhere::default(),
                attempts,
            }])
            .await
            .unwrap();
        let run = world.run(id, TAKEN).await;
        let is_refused = matches!(run, Err(TrialError::MustWait { until, .. }) if until.0 == NOW.0 + 60);
        assert_eq!(is_refused, is_held, "{said}: {run:?}");
    }
    assert_eq!(world.posts(), 1);
}

#[tokio::test]
async fn nothing_is_posted_to_what_is_not_active_or_has_no_trial() {
    let world = World::new().await;
    let pending = world.pending("phone").await;
    assert!(matches!(world.run(pending, TAKEN).await, Err(TrialError::NotActive)));
    let apple = world.requested(PushKind::Apple).await;
    assert!(matches!(world.run(apple, TAKEN).await, Err(TrialError::NothingToPost)));
    assert_eq!(world.posts(), 0);
}

#[tokio::test]
async fn a_subscription_for_one_push_has_had_it() {
    let world = World::new().await;
    let id = world.requested(PushKind::HttpPut).await;
    world.run(id, TAKEN).await.unwrap();
    let row = world.row(id).await.unwrap();
    assert_eq!((row.state, row.attempts.last_push_at), (PushState::Inactive, Some(NOW)));
    assert!(matches!(world.run(id, TAKEN).await, Err(TrialError::NotActive)));
    assert_eq!(world.posts(), 1);
}
