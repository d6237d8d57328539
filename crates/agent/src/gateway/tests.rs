//! The gateway with the real push service, real commands and a real spool.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tempfile::TempDir;

use super::hub::{Gateway, Subscription};
use super::registrar::{Announcement, Source};
use super::spool::{Limits, Spool};
use super::target::Target;
use crate::agent::{self, Form};
use crate::state::StateStore;
use crate::testing::{Service, post, until, within};

struct Fixture {
    service: Service,
    dir: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { service: Service::start(dir.path(), None).await, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn gateway(&self, limits: Limits) -> (Gateway, Arc<Spool>) {
        let spool = Arc::new(Spool::open(&self.path("spool"), limits).unwrap());
        let options = self.service.options(StateStore::file(self.path("agent.json")));
        (Gateway::start(options, Arc::clone(&spool)).unwrap(), spool)
    }
}

fn subscription(name: &str, form: Form, line: String) -> Subscription {
    Subscription {
        name: name.to_owned(),
        source: Source::Endpoint { application_server_key: None, form },
        target: Target::Exec { line, time_max: Duration::from_secs(20) },
        announcement: Announcement::Nobody,
    }
}

/// A command that writes each body on a line of its own to `out`, while `open` exists; else it fails.
fn gate(open: &Path, out: &Path) -> String {
    format!("[ -e {} ] && cat >> {1} && echo >> {1}", open.display(), out.display())
}

async fn put(gateway: &Gateway, subscription: Subscription) -> agent::Subscription {
    let mut registered = gateway.put(subscription).await.unwrap();
    within(registered.wait_for(Option::is_some)).await.unwrap().clone().unwrap()
}

async fn lines_of(path: &Path, number: usize) -> Vec<String> {
    let read = || std::fs::read_to_string(path).unwrap_or_default();
    until("all is handed on", || read().lines().count() >= number).await;
    read().lines().map(str::to_owned).collect()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn messages_wait_in_the_spool_while_their_target_fails_and_keep_their_order() {
    let fixture = Fixture::new().await;
    let (open, out) = (fixture.path("open"), fixture.path("out"));
    let (gateway, spool) = fixture.gateway(Limits::default());
    let endpoint = put(&gateway, subscription("door", Form::Cleartext, gate(&open, &out))).await;
    for body in numbers(0..5) {
        post(&endpoint, &body, &[]).await;
    }
    fixture.service.all_acknowledged().await;
    assert_eq!(spool.waiting_for("door"), 5);
    assert!(!out.exists());
    std::fs::write(&open, "").unwrap();
    assert_eq!(lines_of(&out, 5).await, numbers(0..5));
    until("the spool is empty", || spool.waiting().messages == 0).await;
    assert_eq!(gateway.counts().handed_on.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_target_that_fails_holds_no_other_up() {
    let fixture = Fixture::new().await;
    let out = fixture.path("out");
    let (gateway, spool) = fixture.gateway(Limits::default());
    let broken = put(&gateway, subscription("broken", Form::Cleartext, "exit 1".into())).await;
    let line = format!("echo $MAILBELL_SUBSCRIPTION $MAILBELL_URGENCY $(cat) >> {}", out.display());
    let good = put(&gateway, subscription("good", Form::Cleartext, line)).await;
    post(&broken, "never", &[]).await;
    post(&good, "one", &[("urgency", "high")]).await;
    post(&good, "two", &[]).await;
    assert_eq!(lines_of(&out, 2).await, ["good high one", "good normal two"]);
    assert_eq!(spool.waiting_for("broken"), 1);
}

#[tokio::test]
async fn a_full_spool_leaves_messages_with_the_push_service() {
    let fixture = Fixture::new().await;
    let (open, out) = (fixture.path("open"), fixture.path("out"));
    let (gateway, spool) = fixture.gateway(Limits { messages: 3, ..Limits::default() });
    let endpoint = put(&gateway, subscription("door", Form::Cleartext, gate(&open, &out))).await;
    for body in numbers(0..50) {
        post(&endpoint, &body, &[]).await;
    }
    let stored = || fixture.service.server.stats().totals.messages;
    until("three are acknowledged", || stored() == 47).await;
    assert_eq!(spool.waiting().messages, 3);
    std::fs::write(&open, "").unwrap();
    assert_eq!(lines_of(&out, 50).await, numbers(0..50));
    fixture.service.all_acknowledged().await;
    assert!(spool.waiting().messages <= 3);
}

#[tokio::test]
async fn a_drained_gateway_takes_nothing_more_and_a_later_one_goes_on() {
    let fixture = Fixture::new().await;
    let (open, out) = (fixture.path("open"), fixture.path("out"));
    let (gateway, spool) = fixture.gateway(Limits::default());
    let endpoint = put(&gateway, subscription("door", Form::Cleartext, gate(&open, &out))).await;
    post(&endpoint, "0", &[]).await;
    post(&endpoint, "1", &[]).await;
    fixture.service.all_acknowledged().await;
    within(gateway.drain(Duration::from_secs(10))).await;
    assert_eq!(spool.waiting_for("door"), 2, "a target that fails does not hold the end up");
    drop(spool);
    post(&endpoint, "2", &[]).await;

    let (gateway, spool) = fixture.gateway(Limits::default());
    let again = put(&gateway, subscription("door", Form::Cleartext, gate(&open, &out))).await;
    assert_eq!(again, endpoint);
    fixture.service.all_acknowledged().await;
    std::fs::write(&open, "").unwrap();
    within(gateway.drain(Duration::from_secs(20))).await;
    let taken = lines_of(&out, 0).await;
    assert_eq!(taken.len() + spool.waiting_for("door"), 3);
    assert_eq!(taken, numbers(0..u32::try_from(taken.len()).unwrap()));
}

#[tokio::test]
async fn a_raw_subscription_hands_on_what_was_posted_with_its_fields() {
    let fixture = Fixture::new().await;
    let out = fixture.path("out");
    let (gateway, _spool) = fixture.gateway(Limits::default());
    let line = format!("cat > {0}.body; echo $MAILBELL_CONTENT_ENCODING > {0}", out.display());
    let endpoint = put(&gateway, subscription("raw", Form::Ciphertext, line)).await;
    let keys = webpush::message::UserAgent::generate().unwrap();
    let mut theirs = endpoint.clone();
    theirs.public_key = *keys.key_pair.public_key();
    theirs.auth_secret = agent::Auth::new(&keys.auth_secret);
    post(&theirs, "only for them", &[]).await;
    assert_eq!(lines_of(&out, 1).await, ["aes128gcm"]);
    let body = std::fs::read(out.with_extension("body")).unwrap();
    assert_eq!(&keys.decrypt(&body).unwrap()[..], b"only for them");
}

#[tokio::test]
async fn what_can_not_be_decrypted_is_counted_and_blocks_nothing() {
    let fixture = Fixture::new().await;
    let (open, out) = (fixture.path("open"), fixture.path("out"));
    std::fs::write(&open, "").unwrap();
    let (gateway, _spool) = fixture.gateway(Limits::default());
    let endpoint = put(&gateway, subscription("door", Form::Cleartext, gate(&open, &out))).await;
    let mut stranger = endpoint.clone();
    stranger.public_key = *webpush::message::UserAgent::generate().unwrap().key_pair.public_key();
    post(&stranger, "for somebody else", &[]).await;
    post(&endpoint, "for us", &[]).await;
    assert_eq!(lines_of(&out, 1).await, ["for us"]);
    assert_eq!(gateway.counts().undecryptable.load(Ordering::Relaxed), 1);
    fixture.service.all_acknowledged().await;
}

#[tokio::test]
async fn another_endpoint_is_announced_and_serves() {
    let fixture = Fixture::new().await;
    let (open, out, told) = (fixture.path("open"), fixture.path("out"), fixture.path("told"));
    std::fs::write(&open, "").unwrap();
    let (gateway, _spool) = fixture.gateway(Limits::default());
    let mut door = subscription("door", Form::Cleartext, gate(&open, &out));
    // It fails at first, and is tried again.
    let announce = format!(
        "[ -e {0}.tried ] && cat >> {0} && echo >> {0} || {{ touch {0}.tried; exit 1; }}",
        told.display()
    );
    door.announcement = Announcement::Command(announce);
    let before = put(&gateway, door).await;
    assert_eq!(lines_of(&told, 1).await, [before.to_json().to_string()]);

    let Fixture { service, dir } = fixture;
    let address = service.stop().await;
    let empty = tempfile::tempdir().unwrap();
    let service = Service::start(empty.path(), Some(address)).await;
    let line = lines_of(&told, 2).await.remove(1);
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_ne!(json["endpoint"], before.endpoint);
    let after = agent::Subscription { endpoint: json["endpoint"].as_str().unwrap().to_owned(), ..before };
    post(&after, "still there", &[]).await;
    assert_eq!(lines_of(&out, 1).await, ["still there"]);
    service.all_acknowledged().await;
    drop(dir);
}

#[tokio::test]
async fn subscriptions_that_are_gone_are_ended_at_the_push_service_too() {
    let fixture = Fixture::new().await;
    let subscriptions = || fixture.service.server.stats().totals.subscriptions;
    let make = |name: &str| subscription(name, Form::Cleartext, "cat".into());
    let (gateway, spool) = fixture.gateway(Limits::default());
    for name in ["a", "b", "c"] {
        put(&gateway, make(name)).await;
    }
    assert_eq!(subscriptions(), 3);
    gateway.remove("a").await.unwrap();
    until("one is removed", || subscriptions() == 2).await;
    within(gateway.drain(Duration::from_secs(10))).await;
    // What worked for `a` may take a moment to end.
    until("nobody else has the spool", || Arc::strong_count(&spool) == 1).await;
    drop(spool);
    // `b` was taken out of the configuration while the gateway did not run.
    let (gateway, _spool) = fixture.gateway(Limits::default());
    put(&gateway, make("c")).await;
    gateway.forget_others().await.unwrap();
    until("the other is removed", || subscriptions() == 1).await;
}

/// However long the push service is away: the agent gives up each question after a time.
#[tokio::test]
async fn subscriptions_that_are_gone_are_ended_once_the_push_service_is_back() {
    let Fixture { service, dir } = Fixture::new().await;
    let path = |name: &str| dir.path().join(name);
    let spool = Arc::new(Spool::open(&path("spool"), Limits::default()).unwrap());
    let mut options = service.options(StateStore::file(path("agent.json")));
    options.answer_timeout = Duration::from_millis(50);
    let gateway = Gateway::start(options.clone(), Arc::clone(&spool)).unwrap();
    for name in ["gone", "kept"] {
        put(&gateway, subscription(name, Form::Cleartext, "cat".into())).await;
    }
    within(gateway.drain(Duration::from_secs(10))).await;

    let address = service.stop().await;
    let gateway = Gateway::start(options, spool).unwrap();
    let mut kept = gateway.put(subscription("kept", Form::Cleartext, "cat".into())).await.unwrap();
    gateway.forget_others().await.unwrap();
    // The first question is given up before the service is back.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let service = Service::start(dir.path(), Some(address)).await;
    until("one is removed", || service.server.stats().totals.subscriptions == 1).await;
    within(kept.wait_for(Option::is_some)).await.unwrap();
}

#[tokio::test]
async fn a_gateway_starts_before_its_push_service() {
    let fixture = Fixture::new().await;
    let (open, out) = (fixture.path("open"), fixture.path("out"));
    std::fs::write(&open, "").unwrap();
    let Fixture { service, dir } = fixture;
    let options = service.options(StateStore::Memory);
    let address = service.stop().await;
    let spool = Arc::new(Spool::open(&dir.path().join("spool"), Limits::default()).unwrap());
    let gateway = Gateway::start(options, spool).unwrap();
    let mut registered = gateway.put(subscription("door", Form::Cleartext, gate(&open, &out))).await.unwrap();
    let _service = Service::start(dir.path(), Some(address)).await;
    let endpoint = within(registered.wait_for(Option::is_some)).await.unwrap().clone().unwrap();
    post(&endpoint, "early", &[]).await;
    assert_eq!(lines_of(&out, 1).await, ["early"]);
}

/// What a gateway that was killed between the disk and the acknowledgement finds: the message in its spool, and the same
/// one from the push service.
#[tokio::test]
async fn a_message_that_is_spooled_and_comes_again_is_handed_on_once() {
    let fixture = Fixture::new().await;
    let (open, out) = (fixture.path("open"), fixture.path("out"));
    let (gateway, spool) = fixture.gateway(Limits::default());
    let endpoint = put(&gateway, subscription("door", Form::Cleartext, gate(&open, &out))).await;
    drop((gateway, spool));
    post(&endpoint, "once", &[]).await;
    // An agent that lets go of it without acknowledgement tells us its id.
    let options = fixture.service.options(StateStore::file(fixture.path("agent.json")));
    let (agent, mut events) = crate::agent::Agent::connect(options).await.unwrap();
    let message = loop {
        if let agent::Event::Push(delivery) = within(events.next()).await.unwrap() {
            break super::message::Message::of(&delivery);
        }
    };
    events.close(agent).await;
    let spool_path = fixture.path("spool");
    until("the former gateway is gone", || Spool::open(&spool_path, Limits::default()).is_ok()).await;
    let (gateway, spool) = fixture.gateway(Limits::default());
    spool.put(vec![message]).await.unwrap();
    put(&gateway, subscription("door", Form::Cleartext, gate(&open, &out))).await;
    fixture.service.all_acknowledged().await;
    assert_eq!(spool.waiting_for("door"), 1);
    std::fs::write(&open, "").unwrap();
    assert_eq!(lines_of(&out, 1).await, ["once"]);
}
