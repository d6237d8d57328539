//! Receipts over real sockets, read by h2's client and by a bare HTTP/1.1 one (RFC 8030 §6.3, §7.3).

use super::*;
use crate::testing::user_agent::{Pushed, Subscribed, UserAgent};
use crate::testing::{TestServer, path_of};

const NO_WAIT: (&str, &str) = ("prefer", "wait=0");

/// A server with a user agent, its subscription, and what a message's sender was told.
struct Fixture {
    server: TestServer,
    agent: UserAgent,
    to: Subscribed,
    receipts: String,
}

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let mut agent = UserAgent::connect(&server).await;
        let to = agent.subscribe(&[]).await;
        let mut fixture = Self { server, agent, to, receipts: String::new() };
        // The first message makes the receipt subscription, and then goes without a receipt.
        let (_, link) = fixture.post(&[]).await;
        fixture.receipts = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
        fixture
    }

    /// Posts a message; its path and the link to its receipts.
    async fn post(&self, fields: &[(&str, &str)]) -> (String, String) {
        let link = format!("<{}>; rel=\"urn:ietf:params:push:receipt\"", self.receipts);
        let mut all = vec![("prefer", "respond-async")];
        if !self.receipts.is_empty() {
            all.push(("link", &link));
        }
        all.extend(fields);
        let response = self.server.push(&self.to.push, &all, "x").await;
        assert_eq!(response.status(), 202);
        let field = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        (path_of(&field("location")), field("link"))
    }

    /// The user agent takes whatever waits for it, and acknowledges it.
    async fn acknowledge(&mut self, count: usize) {
        let mut reading = self.agent.read(&self.to.set, &[NO_WAIT]);
        for _ in 0..count {
            let pushed = reading.next().await;
            assert_eq!(self.agent.acknowledge(&pushed).await, 204);
        }
    }

    /// What a request that does not wait delivers.
    async fn waiting(&mut self, count: usize) -> Vec<(String, u16)> {
        let mut reading = self.agent.read(&self.receipts, &[NO_WAIT]);
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(told(&reading.next().await));
        }
        assert_eq!(reading.end().await.status(), if count == 0 { 204 } else { 200 });
        all
    }
}

fn told(pushed: &Pushed) -> (String, u16) {
    assert_eq!((pushed.request.method().as_str(), pushed.body()), ("GET", String::new()));
    (pushed.path().to_owned(), pushed.response.status().as_u16())
}

// RFC 8030 §6.3
#[tokio::test]
async fn a_receipt_is_the_response_to_a_promised_get_of_the_senders_message() {
    let mut fixture = Fixture::new().await;
    fixture.acknowledge(1).await;
    let mut reading = fixture.agent.read(&fixture.receipts, &[]);
    assert_eq!(told(&reading.next().await).1, 204);
    // While the request is open: acknowledged, revoked, expired, and with its subscription.
    let (path, _) = fixture.post(&[]).await;
    fixture.acknowledge(1).await;
    assert_eq!(told(&reading.next().await), (path, 204));
    let (path, _) = fixture.post(&[]).await;
    assert_eq!(fixture.agent.status("DELETE", &path).await, 204);
    assert_eq!(told(&reading.next().await), (path, 410));
    let (path, _) = fixture.post(&[("ttl", "10")]).await;
    fixture.server.clock.advance(10);
    assert_eq!(told(&reading.next().await), (path, 410));
    let (path, _) = fixture.post(&[]).await;
    assert_eq!(fixture.agent.status("DELETE", &fixture.to.subscription).await, 204);
    assert_eq!(told(&reading.next().await), (path, 410));
}

#[tokio::test]
async fn receipts_wait_for_a_request_that_comes_to_its_end() {
    let mut fixture = Fixture::new().await;
    assert_eq!(fixture.waiting(0).await, []);
    let mut paths = Vec::new();
    // More than one page of the storage.
    for _ in 0..150 {
        paths.push(fixture.post(&[]).await.0);
    }
    fixture.acknowledge(151).await;

    // A connection that breaks takes nothing with it.
    let mut broken = UserAgent::connect(&fixture.server).await;
    let mut reading = broken.read(&fixture.receipts, &[]);
    reading.next().await;
    drop((reading, broken));

    let all: Vec<_> = fixture.waiting(151).await;
    let expected: Vec<_> = paths.into_iter().map(|path| (path, 204)).collect();
    assert_eq!(all[1..], expected);
    assert_eq!(fixture.waiting(0).await, [], "once is enough");
}

// RFC 8030 §7.3
#[tokio::test]
async fn a_second_request_ends_the_first_and_removal_ends_it_with_404() {
    let mut fixture = Fixture::new().await;
    let first = fixture.agent.read(&fixture.receipts, &[]);
    // In order on one connection; the answer to another request shows that the first has been seen.
    fixture.agent.status("GET", "/").await;
    let second = fixture.agent.read(&fixture.receipts, &[]);
    assert_eq!(first.end().await.status(), 204);
    assert_eq!(fixture.agent.status("DELETE", &fixture.receipts).await, 204);
    assert_eq!(second.end().await.status(), 404);
    assert_eq!(fixture.agent.status("GET", &fixture.receipts).await, 404);
    let unknown = fixture.agent.status("GET", &format!("/r/{}", "A".repeat(43))).await;
    assert_eq!(unknown, 404);
}

#[tokio::test]
async fn a_client_without_server_push_reads_the_receipts_as_a_stream() {
    let mut fixture = Fixture::new().await;
    let (path, _) = fixture.post(&[]).await;
    fixture.acknowledge(2).await;
    let fields = [NO_WAIT, ("accept", "text/event-stream")];
    let response = fixture.server.call(("GET", &fixture.receipts), &fields, "").await;
    assert_eq!(response.status(), 200);
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    let last = text.lines().rfind(|line| line.contains("\"url\"")).unwrap();
    let event: serde_json::Value = serde_json::from_str(last.trim_start_matches("data: ")).unwrap();
    assert_eq!((&event["url"], &event["status"]), (&path.into(), &204.into()));
    let service = fixture.server.server.service();
    let token = fixture.receipts.rsplit('/').next().unwrap();
    let id = service.tokens.open_receipt(token).unwrap();
    assert_eq!(service.storage.due_receipts(id, 9).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_given_is_settled_after_a_while() {
    let mut given = Given::default();
    let now = Instant::now();
    let id = MessageId::from_number;
    given.add(now, id(1));
    given.add(now + Duration::from_secs(1), id(2));
    assert_eq!(given.settled(now + SETTLED_AFTER / 2), []);
    assert_eq!(given.settled(now + SETTLED_AFTER), [id(1)]);
    assert_eq!(given.messages, BTreeSet::from([id(2)]));
    for number in 3..1100 {
        given.add(now, id(number));
    }
    let settled = given.settled(now);
    assert_eq!((settled.len(), given.times.len()), (1098 - GIVEN_MAX, GIVEN_MAX), "more is not remembered");
}
