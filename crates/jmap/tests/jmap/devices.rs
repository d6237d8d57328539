//! The devices API: who sees which, what can be changed, and test pushes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jmap::{Caller, Devices};
use notifier::backoff::Answer as Said;
use notifier::clock::Clock;
use notifier::compose::{Assignment, Composed, Composer, Composers, Composing, Push};
use notifier::notifier::{Handle, Notifier, Options, Parts};
use notifier::post::{Delivery, Post, Posted, Posting};
use notifier::vapid::VapidKeys;
use parking_lot::Mutex;
use serde_json::{Value, json};
use store::{Access, NewPushSubscription, PushKind, PushSubscription, PushSubscriptionId, Store, UnixTime};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use webpush::header::{Ttl, Urgency};

use crate::home::{Answer, From, Home, basic};

/// A push service that answers as it is told, and keeps everybody waiting until it is told.
#[derive(Default)]
struct Service {
    answer: Mutex<Option<(Said, &'static str)>>,
    told: Notify,
    asked: Notify,
}

impl Post for Service {
    fn post(&self, _: Delivery) -> Posting<'_> {
        Box::pin(async move {
            self.asked.notify_one();
            loop {
                let told = self.told.notified();
                let answer = *self.answer.lock();
                match answer {
                    Some((answer, said)) => return Posted { answer, said: said.to_owned() },
                    None => told.await,
                }
            }
        })
    }
}

/// Composes nothing but trials.
struct Trying;

impl Composer for Trying {
    fn kind(&self) -> PushKind {
        PushKind::ImapWebPush
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

    fn trial(&self, _: &PushSubscription) -> Option<Push> {
        let ttl = Ttl::from_seconds(600);
        Some(Push { cleartext: "try".into(), urgency: Urgency::High, topic: None, ttl })
    }
}

/// A home whose address is the devices API's.
struct World {
    home: Home,
    service: Arc<Service>,
    key: String,
}

impl World {
    async fn new() -> Self {
        Self::with(From::Here).await
    }

    async fn with(from: From) -> Self {
        let mut home = Home::new().await;
        let service = Arc::new(Service::default());
        let keys = VapidKeys::new(webpush::vapid::key::SigningKey::generate().unwrap(), []);
        let key = keys.current_id();
        let parts = Parts {
            store: home.store.clone(),
            bus: Bus::new(),
            composers: Composers::new([Arc::new(Trying) as Arc<dyn Composer>]),
            post: Arc::clone(&service) as Arc<dyn Post>,
            keys,
            handle: Handle::new(),
            clock: Clock::system(),
        };
        let handle = parts.handle.clone();
        let trials = Notifier::new(parts, Options::new(Duration::ZERO)).trials();
        let devices = Devices::new(&home.server, handle, trials);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        home.address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, devices, from.caller()));
        Self { home, service, key }
    }

    async fn login(&self, name: &str, password: &str) -> Access {
        self.home.store.authenticate(name, password).await.unwrap().unwrap()
    }

    async fn pending(&self, access: &Access, client_id: &str) -> PushSubscriptionId {
        let new = NewPushSubscription {
            account_max: 50,
            kind: PushKind::ImapWebPush,
            client_id: client_id.to_owned(),
            endpoint: format!("https://push.example.net/secret-of-{client_id}"),
            public_key: vec![4; 65],
            auth: vec![1; 16],
            enabled: Vec::new(),
            vapid_key: self.key.clone(),
            token: format!("token of {client_id}"),
            expires_at: UnixTime(i64::MAX),
        };
        self.home.store.put_push_subscription(access, new).await.unwrap().subscription.id
    }

    async fn active(&self, access: &Access, client_id: &str) -> PushSubscriptionId {
        let id = self.pending(access, client_id).await;
        let token = format!("token of {client_id}");
        let acknowledged =
            self.home.store.acknowledge_push_subscription(access, &token, &self.key, UnixTime(1_700_000_000));
        assert!(acknowledged.await.unwrap().is_some());
        id
    }

    /// Alice's one device.
    async fn phone(&self) -> String {
        path(self.active(&self.login("alice", "secret").await, "phone").await)
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.home.send(method, path, "application/json", body.to_string()).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.home.send("GET", path, "", "").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        answer.json()
    }

    async fn test(&self, path: &str) -> Answer {
        self.home.send("POST", &format!("{path}/test"), "", "").await
    }

    fn answers(&self, answer: Said, said: &'static str) {
        *self.service.answer.lock() = Some((answer, said));
        self.service.told.notify_waiters();
    }
}

async fn serve(listener: TcpListener, devices: Devices, caller: Caller) {
    while let Ok((stream, _)) = listener.accept().await {
        let devices = devices.clone();
        let service = service_fn(move |request| {
            let devices = devices.clone();
            async move { Ok::<_, Infallible>(devices.respond(request, caller).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn path(id: PushSubscriptionId) -> String {
    format!("/api/v1/devices/D{}", id.0)
}

fn problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["status"], status);
}

#[tokio::test]
async fn everybody_sees_ones_own_devices_and_the_main_password_all_of_an_account() {
    let world = World::new().await;
    let store = &world.home.store;
    store.add_app_password(world.home.alice.owner(), "tablet", "app secret").await.unwrap();
    let (main, app) = (world.login("alice", "secret").await, world.login("alice", "app secret").await);
    let phone = world.active(&main, "phone").await;
    let tablet = world.pending(&app, "tablet").await;
    let bobs = world.active(&world.login("bob", "secret").await, "bobs").await;
    let seen = async |name: &str, password: &str| {
        let headers = [("authorization", basic(name, password))];
        let listed = world.home.send_with("GET", "/api/v1/devices", &headers, "").await.json();
        let listed = listed["devices"].as_array().unwrap().clone();
        let mut ids = Vec::new();
        for id in [phone, tablet, bobs] {
            let answer = world.home.send_with("GET", &path(id), &headers, "").await;
            match answer.status {
                StatusCode::OK => ids.push(answer.json()),
                _ => problem(&answer, 404),
            }
        }
        assert_eq!(ids, listed, "one by one and all together");
        listed.iter().map(|device| device["clientId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seen("alice", "secret").await, ["phone", "tablet"]);
    assert_eq!(seen("alice", "app secret").await, ["tablet"]);
    assert_eq!(seen("bob", "secret").await, ["bobs"]);
    let all = world.get("/api/v1/devices").await;
    assert_eq!(
        all["devices"].as_array().unwrap().iter().map(|d| &d["credential"]).collect::<Vec<_>>(),
        ["main", "tablet"]
    );
    assert!(!all.to_string().contains("secret-of"), "{all}");

    // What there is not, and what is somebody else's, is answered alike, whatever is asked.
    let edit = json!({ "name": "mine" });
    for method in ["GET", "PATCH", "DELETE", "POST"] {
        let mut answers = Vec::new();
        for id in [path(bobs), path(PushSubscriptionId(99)), "/api/v1/devices/phone".to_owned()] {
            let path = if method == "POST" { format!("{id}/test") } else { id };
            let answer = world.ask(method, &path, &edit).await;
            problem(&answer, 404);
            answers.push(answer.body);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{method}: {answers:?}");
    }
    assert_eq!(store.push_subscription(bobs).await.unwrap().name, "");
}

#[tokio::test]
async fn a_device_is_named_silenced_and_removed() {
    let world = World::new().await;
    let phone = world.phone().await;
    let changed = world.ask("PATCH", &phone, &json!({ "name": "Phone", "silentFor": 3600 })).await;
    assert_eq!(changed.status, StatusCode::OK, "{:?}", changed.body);
    let device = changed.json();
    assert_eq!(device, world.get(&phone).await);
    assert_eq!((&device["name"], &device["state"]), (&json!("Phone"), &json!("active")));
    let until = device["silentUntil"].as_str().unwrap().to_owned();
    // A time that was shown may be said again.
    let again = world.ask("PATCH", &phone, &json!({ "silentUntil": until, "name": null })).await.json();
    assert_eq!((&again["silentUntil"], &again["name"]), (&json!(until), &Value::Null));
    let loud = world.ask("PATCH", &phone, &json!({ "silentUntil": null })).await.json();
    assert_eq!(loud["silentUntil"], Value::Null);

    let long = json!({ "name": "x".repeat(101) }).to_string();
    let huge = json!({ "name": "x".repeat(5000) }).to_string();
    for (media_type, body, status) in [
        ("application/json", "{", 400),
        ("application/json", r#"{"endpoint":"https://push.example.net/2"}"#, 400),
        ("application/merge-patch+json; charset=utf-8", long.as_str(), 400),
        ("application/json", r#"{"name":"\u0007"}"#, 400),
        ("application/json", huge.as_str(), 413),
        ("text/plain", "{}", 415),
        ("", "{}", 415),
    ] {
        problem(&world.home.send("PATCH", &phone, media_type, body.to_owned()).await, status);
    }
    assert_eq!(world.get(&phone).await, loud, "nothing of that has changed anything");

    assert_eq!(world.ask("DELETE", &phone, &Value::Null).await.status, StatusCode::NO_CONTENT);
    problem(&world.ask("DELETE", &phone, &Value::Null).await, 404);
    assert_eq!(world.get("/api/v1/devices").await, json!({ "devices": [] }));
}

#[tokio::test]
async fn what_is_not_active_can_be_named_but_neither_silenced_nor_tried() {
    let world = World::new().await;
    let alice = world.login("alice", "secret").await;
    let phone = path(world.pending(&alice, "phone").await);
    problem(&world.ask("PATCH", &phone, &json!({ "name": "Phone", "silentFor": 60 })).await, 409);
    assert_eq!(world.get(&phone).await["name"], Value::Null, "all or nothing");
    let named = world.ask("PATCH", &phone, &json!({ "name": "Phone" })).await.json();
    assert_eq!((&named["name"], &named["state"]), (&json!("Phone"), &json!("pending")));
    problem(&world.test(&phone).await, 409);
}

#[tokio::test]
async fn a_test_push_says_what_the_push_service_answered_and_the_list_says_so_too() {
    let world = World::new().await;
    let phone = world.phone().await;
    let retry_after = Some(Duration::from_secs(600));
    for (answer, said, outcome, status) in [
        (Said::Taken, "201", "accepted", json!(201)),
        (Said::Unreachable, "timeout", "unreachable", Value::Null),
        (Said::TooMany { retry_after }, "429", "busy", json!(429)),
    ] {
        world.answers(answer, said);
        let tried = world.test(&phone).await;
        assert_eq!(tried.status, StatusCode::OK, "{:?}", tried.body);
        let tried = tried.json();
        assert_eq!(
            (&tried["outcome"], &tried["status"], &tried["text"], &tried["isRemoved"]),
            (&json!(outcome), &status, &json!(said), &json!(false))
        );
        let device = world.get(&phone).await;
        assert_eq!((&device["lastAnswer"]["outcome"], &device["failures"]), (&json!(outcome), &json!(0)));
        assert!(device["lastPushAt"].is_string() && device["lastAnswer"]["at"].is_string(), "{device}");
    }
    // The push service is left alone as it has asked.
    assert!(world.get(&phone).await["nextAttemptAt"].is_string());
    let waits = world.test(&phone).await;
    problem(&waits, 429);
    let wait = waits.header("retry-after").parse::<u64>().unwrap();
    assert!((590..=730).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_device_that_its_push_service_does_not_know_is_removed_by_a_test_push() {
    let world = World::new().await;
    let phone = world.phone().await;
    world.answers(Said::Refused, "410");
    let tried = world.test(&phone).await.json();
    assert_eq!((&tried["outcome"], &tried["isRemoved"]), (&json!("refused"), &json!(true)));
    problem(&world.test(&phone).await, 404);
}

#[tokio::test]
async fn test_pushes_have_limits() {
    let world = World::new().await;
    let phone = world.phone().await;
    // Nobody answers yet, so one is under way.
    let (first, second) = tokio::join!(world.test(&phone), async {
        world.service.asked.notified().await;
        let second = world.test(&phone).await;
        world.answers(Said::Taken, "201");
        second
    });
    assert_eq!(first.status, StatusCode::OK);
    problem(&second, 429);
    assert_eq!(second.header("retry-after"), "2");
    for number in 2..=6 {
        assert_eq!(world.test(&phone).await.status, StatusCode::OK, "{number} of six in a minute");
    }
    let refused = world.test(&phone).await;
    problem(&refused, 429);
    assert!((2..=61).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
}

#[tokio::test]
async fn only_who_shows_a_password_over_a_safe_way_is_served_and_pages_may_ask() {
    let world = World::new().await;
    let phone = world.phone().await;
    let nobody = world.home.send_with("GET", "/api/v1/devices", &[], "").await;
    problem(&nobody, 401);
    assert!(nobody.header("www-authenticate").starts_with("Basic "));
    assert_eq!(nobody.header("access-control-allow-origin"), "*");
    let test = format!("{phone}/test");
    for (method, path, allowed) in [
        ("POST", "/api/v1/devices", "GET, HEAD, OPTIONS"),
        ("PUT", phone.as_str(), "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("GET", test.as_str(), "POST, OPTIONS"),
    ] {
        let refused = world.home.send(method, path, "", "").await;
        problem(&refused, 405);
        assert_eq!(refused.header("allow"), allowed);
        let preflight = world.home.send_with("OPTIONS", path, &[], "").await;
        assert_eq!(preflight.status, StatusCode::NO_CONTENT);
        assert!(preflight.header("access-control-allow-methods").contains("PATCH, DELETE"));
    }
    for path in ["/api/v1/", "/api/v1/device", "/api/v1/devices/D1/test/1", "/api/v1/devices/D1/name"] {
        problem(&world.home.send("GET", path, "", "").await, 404);
    }
    let head = world.home.send("HEAD", &phone, "", "").await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn the_description_is_there_for_everybody_and_knows_every_kind() {
    let world = World::new().await;
    let answer = world.home.send_with("GET", "/api/v1/openapi.json", &[], "").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let kinds = &answer.json()["components"]["schemas"]["Device"]["properties"]["kind"]["enum"];
    assert_eq!(*kinds, json!(PushKind::ALL.map(PushKind::name)));
}

#[tokio::test]
async fn strangers_are_served_over_tls_only() {
    for (from, status) in [(From::Afar, 403), (From::AfarOverTls, 200)] {
        let world = World::with(from).await;
        let answer = world.home.send("GET", "/api/v1/devices", "", "").await;
        assert_eq!(answer.status.as_u16(), status);
    }
}
