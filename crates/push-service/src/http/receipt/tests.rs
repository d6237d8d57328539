use http::Response;
use webpush::vapid::key::SigningKey;

use super::*;
use crate::clock::Clock;
use crate::receipt::{Outcome, Receipt};
use crate::testing::{CHANNEL, TestServer, authorization, until};

const ASK: (&str, &str) = ("prefer", "respond-async");

fn status(response: &Response<Bytes>) -> u16 {
    response.status().as_u16()
}

fn field<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn due(server: &TestServer, link: &str) -> Vec<Receipt> {
    let service = server.server.service();
    let target = link.split_once('>').map_or(link, |(target, _)| target.trim_start_matches('<'));
    let token = target.rsplit('/').next().unwrap();
    service.storage.due_receipts(service.tokens.open_receipt(token).unwrap(), 100).await.unwrap()
}

// RFC 8030 §5.1
#[tokio::test]
async fn a_message_that_asks_for_a_receipt_gets_202_and_a_receipt_subscription() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    // (Prefer, status): RFC 7240 §2 has them listed, with parameters, in any letter case.
    let cases = [
        ("respond-async", 202),
        ("wait=10, Respond-Async;x=y", 202),
        ("wait=10", 201),
        ("respond-asynchronously", 201),
        ("", 201),
    ];
    for (prefer, expected) in cases {
        let response = server.push(&endpoint, &[("prefer", prefer)], "").await;
        assert_eq!(status(&response), expected, "{prefer}");
        assert_eq!(field(&response, "ttl"), "60");
        assert!(field(&response, "location").starts_with(&format!("{}/m/", server.origin)));
        let link = field(&response, "link");
        assert_eq!(link.is_empty(), expected == 201, "{prefer}");
        if expected == 202 {
            assert!(link.starts_with(&format!("<{}/r/", server.origin)), "{link}");
            assert!(link.ends_with(">; rel=\"urn:ietf:params:push:receipt\""), "{link}");
        }
    }
    // RFC 8030 §5.2: with TTL 0 no receipt can be relied upon.
    let response = server.push(&endpoint, &[ASK, ("ttl", "0")], "").await;
    assert_eq!((status(&response), field(&response, "link")), (201, ""));
}

// RFC 8030 §5.1, §6.2; the codes of Firefox's acknowledgements
#[tokio::test]
async fn what_the_agent_says_of_a_message_is_its_receipt() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let first = server.push(&endpoint, &[ASK], "").await;
    let link = field(&first, "link").to_owned();
    let mut answers = vec![first];
    for _ in 1..4 {
        let answer = server.push(&endpoint, &[ASK, ("link", &link)], "").await;
        assert_eq!((status(&answer), field(&answer, "link")), (202, link.as_str()), "it is used again");
        answers.push(answer);
    }
    for code in [100, 101, 102] {
        let notification = agent.next().await;
        let update = serde_json::json!({
            "channelID": CHANNEL, "version": notification["version"], "code": code
        });
        agent.send(serde_json::json!({"messageType": "ack", "updates": [update]})).await;
    }
    until("all three are acknowledged", || server.server.stats().totals.messages == 1).await;
    let service = server.server.service();
    let id = |answer: &Response<Bytes>| {
        let token = field(answer, "location").rsplit('/').next().unwrap().to_owned();
        service.tokens.open_message(&token).unwrap()
    };
    let outcomes = [Outcome::Acknowledged, Outcome::Ended, Outcome::Ended];
    let expected: Vec<_> = answers
        .iter()
        .zip(outcomes)
        .map(|(answer, outcome)| Receipt { message: id(answer), outcome })
        .collect();
    assert_eq!(due(&server, &link).await, expected);
}

// RFC 8030 §5.1
#[tokio::test]
async fn a_receipt_subscription_that_is_not_valid_is_refused() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let [key, other] = [SigningKey::generate().unwrap(), SigningKey::generate().unwrap()];
    let in_an_hour = server.clock.now().plus_seconds(3600);
    let signed = authorization(&key, &server.origin, in_an_hour);
    let foreign = authorization(&other, &server.origin, in_an_hour);
    let bound = server.push(&endpoint, &[ASK, ("authorization", &signed)], "").await;
    let bound = field(&bound, "link").to_owned();
    let open = field(&server.push(&endpoint, &[ASK], "").await, "link").to_owned();
    let removed = field(&server.push(&endpoint, &[ASK], "").await, "link").to_owned();
    let resource = removed.trim_start_matches('<').split('>').next().unwrap();
    assert_eq!(status(&server.send("DELETE", resource).await), 204);
    // RFC 8030 §7.3
    assert_eq!(status(&server.send("DELETE", resource).await), 404);
    let forged = format!("<{}/r/{}>; rel=\"urn:ietf:params:push:receipt\"", server.origin, "A".repeat(43));
    assert_eq!(status(&server.send("DELETE", &format!("/r/{}", "A".repeat(43))).await), 404);
    let elsewhere = bound.replace(&server.origin, "https://push.example");
    let relative = bound.replace(&server.origin, "");
    let other_relation = "<https://a.example/>; rel=\"next\"";
    let both = format!("{bound}, {open}");
    // (link, credentials, answer)
    let cases = [
        (bound.as_str(), Some(&signed), 202),
        (relative.as_str(), Some(&signed), 202),
        (open.as_str(), Some(&signed), 202),
        (open.as_str(), None, 202),
        (other_relation, None, 202),
        (bound.as_str(), Some(&foreign), 403),
        (bound.as_str(), None, 401),
        (removed.as_str(), None, 400),
        (forged.as_str(), None, 400),
        (elsewhere.as_str(), Some(&signed), 400),
        (both.as_str(), Some(&signed), 400),
    ];
    for (link, credentials, expected) in cases {
        let mut fields = vec![ASK, ("link", link)];
        fields.extend(credentials.map(|credentials| ("authorization", credentials.as_str())));
        assert_eq!(status(&server.push(&endpoint, &fields, "").await), expected, "{link} {credentials:?}");
    }
}

// RFC 8030 §5.1: 429 limits the receipt subscriptions of one sender.
#[tokio::test]
async fn a_sender_can_have_only_so_many_receipt_subscriptions() {
    let server = TestServer::with(|config| config.retention.sender_receipt_subscriptions_max = 1).await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let first = server.push(&endpoint, &[ASK], "").await;
    let refused = server.push(&endpoint, &[ASK], "").await;
    assert_eq!((status(&first), status(&refused)), (202, 429));
    assert_ne!(field(&refused, "retry-after"), "");
    let again = server.push(&endpoint, &[ASK, ("link", field(&first, "link"))], "").await;
    assert_eq!(status(&again), 202);
    let key = SigningKey::generate().unwrap();
    let signed = authorization(&key, &server.origin, server.clock.now().plus_seconds(60));
    let other = server.push(&endpoint, &[ASK, ("authorization", &signed)], "").await;
    assert_eq!(status(&other), 202, "another sender");
}
