use serde_json::Value;
use webpush::vapid::key::SigningKey;

use super::*;
use crate::clock::Clock;
use crate::testing::{CHANNEL, OTHER_CHANNEL, TestServer, authorization, until};

async fn put(server: &TestServer, endpoint: &str, fields: &[(&str, &str)], form: &str) -> u16 {
    server.call(("PUT", endpoint), fields, form.to_owned()).await.status().as_u16()
}

#[test]
fn a_version_is_an_unsigned_number_of_64_bits() {
    let cases = [
        ("version=0", Some(0)),
        ("version=18446744073709551615", Some(u64::MAX)),
        ("a=b&version=7", Some(7)),
        ("version=18446744073709551616", None),
        ("version=-1", None),
        ("version=+1", None),
        ("version=", None),
        ("version=1&version=2", None),
        ("Version=1", None),
        ("", None),
    ];
    for (form, expected) in cases {
        assert_eq!(version(form.as_bytes()), expected, "{form}");
    }
}

#[tokio::test]
async fn a_version_that_is_not_greater_gives_no_notification() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    for (form, notified) in [
        ("version=5", true),
        ("version=5", false),
        ("version=4", false),
        ("version=18446744073709551615", true),
    ] {
        assert_eq!(put(&server, &endpoint, &[], form).await, 200, "{form}");
        if notified {
            let notification = agent.next().await;
            assert_eq!(notification["channelID"], CHANNEL, "{form}");
            assert_eq!(notification["data"], Value::Null);
            agent.acknowledge(&notification).await;
        }
        assert!(agent.nothing_waits().await, "{form}");
    }
}

#[tokio::test]
async fn an_absent_agent_is_told_once_of_many_versions() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let uaid = agent.uaid.clone();
    drop(agent);
    until("the agent is gone", || server.server.stats().connected == 0).await;
    for version in 1..5 {
        assert_eq!(put(&server, &endpoint, &[], &format!("version={version}")).await, 200);
    }
    let mut agent = server.agent(Some(&uaid)).await;
    assert_eq!(agent.next().await["messageType"], "notification");
    assert!(agent.nothing_waits().await);
}

#[tokio::test]
async fn what_is_no_version_is_refused() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let key = SigningKey::generate().unwrap();
    let restricted = agent.register(OTHER_CHANNEL, Some(&key.public_key().to_base64url())).await;
    let long = format!("version=1&{}", "x".repeat(FORM_BYTES_MAX));
    let forged = format!("{}/wpush/{}", server.origin, "A".repeat(43));
    // Endpoint, fields, form, answer.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, u16);
    let cases: [Case<'_>; 5] = [
        (&endpoint, &[], "version=x", 400),
        (&endpoint, &[("content-type", "application/json")], "version=1", 400),
        (&endpoint, &[], &long, 413),
        (&restricted, &[], "version=1", 401),
        (&forged, &[], "version=1", 404),
    ];
    for (endpoint, fields, form, expected) in cases {
        assert_eq!(put(&server, endpoint, fields, form).await, expected, "{fields:?} {form:.40}");
    }
    let good = authorization(&key, &server.origin, server.clock.now().plus_seconds(60));
    assert_eq!(put(&server, &restricted, &[("authorization", &good)], "version=1").await, 200);
}
