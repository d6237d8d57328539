//! The agent against the real push service, pushed to by RFC 8291 and plain HTTP.

use push_service::config::{Config, PublicUrl};
use push_service::server::Server;
use push_service::storage::sqlite::SqliteStorage;
use push_service::token::TokenKey;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{Service, post, within};

struct Fixture {
    service: Service,
    dir: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { service: Service::start(dir.path(), None).await, dir }
    }

    fn store(&self) -> StateStore {
        StateStore::file(self.dir.path().join("agent.json"))
    }

    async fn connect(&self) -> (Agent, Events) {
        within(Agent::connect(self.service.options(self.store()))).await.unwrap()
    }
}

/// The next push, passing over what is said about the connection.
async fn next_push(events: &mut Events) -> Delivery {
    loop {
        match within(events.next()).await.expect("the agent is alive") {
            Event::Push(delivery) => return delivery,
            Event::Connected | Event::Disconnected { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

fn cleartext(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.push().cleartext).unwrap()
}

#[tokio::test]
async fn a_push_is_decrypted_and_acknowledged_when_its_consumer_says_so() {
    let fixture = Fixture::new().await;
    let (agent, mut events) = fixture.connect().await;
    let subscription = agent.subscribe("mail", None).await.unwrap();
    post(&subscription, "* SYNC\r\n", &[("urgency", "high")]).await;
    let delivery = next_push(&mut events).await;
    assert_eq!(cleartext(&delivery), "* SYNC\r\n");
    let push = delivery.push();
    assert_eq!((push.subscription.as_str(), push.urgency.as_deref()), ("mail", Some("high")));
    assert!(push.size > 100, "the size is that of the encrypted body");
    assert_eq!(fixture.service.server.stats().totals.messages, 1);
    delivery.acknowledge();
    fixture.service.all_acknowledged().await;
}

#[tokio::test]
async fn an_agent_resumes_after_a_restart_with_the_same_endpoint_and_keys() {
    let fixture = Fixture::new().await;
    let (agent, mut events) = fixture.connect().await;
    let subscription = agent.subscribe("mail", None).await.unwrap();
    let instance = agent.instance().to_owned();
    post(&subscription, "taken", &[]).await;
    post(&subscription, "let go", &[]).await;
    next_push(&mut events).await.acknowledge();
    drop(next_push(&mut events).await);
    events.close(agent).await;
    post(&subscription, "while away", &[]).await;

    let (agent, mut events) = fixture.connect().await;
    assert_eq!(agent.instance(), instance);
    for expected in ["let go", "while away"] {
        let delivery = next_push(&mut events).await;
        assert_eq!(cleartext(&delivery), expected);
        delivery.acknowledge();
    }
    assert_eq!(agent.subscribe("mail", None).await.unwrap(), subscription);
    fixture.service.all_acknowledged().await;
}

#[tokio::test]
async fn another_key_replaces_the_subscription() {
    let fixture = Fixture::new().await;
    let (agent, _events) = fixture.connect().await;
    let key = |_| *webpush::vapid::key::SigningKey::generate().unwrap().public_key();
    let keys = [0, 1].map(key);
    let first = agent.subscribe("mail", Some(keys[0])).await.unwrap();
    assert_eq!(agent.subscribe("mail", Some(keys[0])).await.unwrap(), first);
    let second = agent.subscribe("mail", Some(keys[1])).await.unwrap();
    assert_ne!(second.endpoint, first.endpoint);
    crate::testing::until("the first is removed", || {
        fixture.service.server.stats().totals.subscriptions == 1
    })
    .await;
    agent.unsubscribe("mail").await.unwrap();
    agent.unsubscribe("mail").await.unwrap();
    crate::testing::until("the second is removed", || {
        fixture.service.server.stats().totals.subscriptions == 0
    })
    .await;
}

#[tokio::test]
async fn the_agent_comes_back_when_the_service_does_and_gives_nothing_out_twice() {
    let fixture = Fixture::new().await;
    let (agent, mut events) = fixture.connect().await;
    let subscription = agent.subscribe("mail", None).await.unwrap();
    post(&subscription, "in hand", &[]).await;
    let in_hand = next_push(&mut events).await;

    let Fixture { service, dir } = fixture;
    let address = service.stop().await;
    loop {
        if let Event::Disconnected { .. } = within(events.next()).await.unwrap() {
            break;
        }
    }
    let service = Service::start(dir.path(), Some(address)).await;
    post(&subscription, "after", &[]).await;
    let after = next_push(&mut events).await;
    assert_eq!(cleartext(&after), "after", "what is in the consumer's hands does not come again");
    in_hand.acknowledge();
    after.acknowledge();
    service.all_acknowledged().await;
    assert_eq!(agent.subscribe("mail", None).await.unwrap(), subscription);
}

#[tokio::test]
async fn a_service_that_has_forgotten_the_agent_gives_new_endpoints() {
    let fixture = Fixture::new().await;
    let (agent, mut events) = fixture.connect().await;
    let before = agent.subscribe("mail", None).await.unwrap();
    let Fixture { service, dir: _old } = fixture;
    let address = service.stop().await;
    let empty = tempfile::tempdir().unwrap();
    let service = Service::start(empty.path(), Some(address)).await;
    let changed = loop {
        if let Event::SubscriptionChanged(subscription) = within(events.next()).await.unwrap() {
            break subscription;
        }
    };
    assert_eq!(changed.name, "mail");
    assert_ne!(changed.endpoint, before.endpoint);
    assert_eq!(changed.public_key, before.public_key);
    post(&changed, "again", &[]).await;
    let delivery = next_push(&mut events).await;
    assert_eq!(cleartext(&delivery), "again");
    delivery.acknowledge();
    service.all_acknowledged().await;
}

#[tokio::test]
async fn what_can_not_be_decrypted_is_told_and_does_not_come_again() {
    let fixture = Fixture::new().await;
    let (agent, mut events) = fixture.connect().await;
    let subscription = agent.subscribe("mail", None).await.unwrap();
    let mut stranger = subscription.clone();
    stranger.public_key = *webpush::message::UserAgent::generate().unwrap().key_pair.public_key();
    post(&stranger, "for somebody else", &[]).await;
    let told = loop {
        match within(events.next()).await.unwrap() {
            Event::Undecryptable { subscription, .. } => break subscription,
            Event::Connected => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told, "mail");
    fixture.service.all_acknowledged().await;
}

#[tokio::test]
async fn a_token_goes_to_whoever_waits_for_it_and_to_the_consumer() {
    let fixture = Fixture::new().await;
    let (agent, mut events) = fixture.connect().await;
    let subscription = agent.subscribe("mail", None).await.unwrap();
    let token = agent.next_token("mail").await.unwrap();
    post(&subscription, "* SYNC\r\n", &[]).await;
    post(&subscription, "* ACKWEBPUSH 2f0c\r\n", &[]).await;
    assert_eq!(within(token).await.unwrap(), "2f0c");
    next_push(&mut events).await.acknowledge();
    assert_eq!(cleartext(&next_push(&mut events).await), "* ACKWEBPUSH 2f0c\r\n");
}

#[tokio::test]
async fn a_slow_consumer_holds_nothing_up() {
    let fixture = Fixture::new().await;
    let (agent, mut events) = fixture.connect().await;
    let subscription = agent.subscribe("mail", None).await.unwrap();
    for number in 0..60 {
        post(&subscription, &number.to_string(), &[]).await;
    }
    // Nothing has been consumed, and the agent still answers.
    agent.subscribe("other", None).await.unwrap();
    for number in 0..60 {
        let delivery = next_push(&mut events).await;
        assert_eq!(cleartext(&delivery), number.to_string());
        delivery.acknowledge();
    }
    fixture.service.all_acknowledged().await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_error_at_first() {
    let fixture = Fixture::new().await;
    let options = fixture.service.options(StateStore::Memory);
    fixture.service.stop().await;
    assert!(matches!(Agent::connect(options).await, Err(AgentError::Connect(_))));
    for url in ["http://push.example/", "push.example", "ws:///"] {
        let options = Options::new(url, Trust::system().unwrap(), StateStore::Memory);
        assert!(matches!(options.map(|_| ()), Err(AgentError::Url)), "{url}");
    }
}

#[tokio::test]
async fn a_connection_over_tls_checks_the_service() {
    let authority = crate::testing::authority();
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = Config::new(PublicUrl::parse(&format!("https://{address}")).unwrap());
    let storage = SqliteStorage::open(&dir.path().join("push.sqlite"), config.retention).unwrap();
    let tokens = TokenKey::load_or_create(&dir.path().join("push-token.key")).unwrap();
    let server = Server::new(config, tokens, Arc::new(storage)).unwrap();
    let tls = Some(authority.config);
    tokio::spawn(async move { server.serve(listener, tls, CancellationToken::new()).await });

    let options = |trust| Options::new(&format!("wss://{address}/"), trust, StateStore::Memory).unwrap();
    let trusting = Trust::only(authority.certificate).unwrap();
    let (agent, _events) = within(Agent::connect(options(trusting))).await.unwrap();
    let subscription = agent.subscribe("mail", None).await.unwrap();
    assert!(subscription.endpoint.starts_with("https://"));
    let stranger = Trust::only(crate::testing::authority().certificate).unwrap();
    let refused = within(Agent::connect(options(stranger))).await;
    assert!(matches!(refused, Err(AgentError::Connect(_))));
}

#[tokio::test]
async fn an_agent_whose_service_is_away_ends_however_much_it_was_asked() {
    let trust = Trust::system().unwrap();
    let options = Options::new("ws://127.0.0.1:1/", trust, StateStore::Memory).unwrap();
    let (agent, events) = Agent::start(options).unwrap();
    let asking: Vec<_> = (0..2 * (COMMANDS_WAITING_MAX + 64))
        .map(|number| {
            let agent = agent.clone();
            tokio::spawn(async move { agent.subscribe(&format!("s{number}"), None).await })
        })
        .collect();
    // The channel is full as soon as nothing more goes in.
    within(async {
        while agent.commands.capacity() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within(events.close(agent)).await;
    for asked in asking {
        assert!(asked.await.unwrap().is_err());
    }
}
