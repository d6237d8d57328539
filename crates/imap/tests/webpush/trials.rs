//! A push that a user asks for, in the form of each kind of subscription.

use store::{PushAttempts, PushProgress, UnixTime};

use crate::world::World;

#[tokio::test]
async fn a_web_push_says_sync_replaces_nothing_and_is_kept_for_minutes_only() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    // Neither silence keeps its user from trying.
    client.ok("SILWEBPUSH phone 3600").await;
    client.ok("SILWEBPUSH phone session").await;
    let trial = world.try_out().await;
    assert_eq!((trial.said.as_str(), trial.is_removed), ("201", false));
    let arrived = world.sink.next(&phone.path()).await;
    assert_eq!(phone.read(&arrived), "* SYNC\r\n");
    assert_eq!(["ttl", "urgency", "topic"].map(|name| arrived.header(name)), ["600", "high", ""]);
}

#[tokio::test]
async fn the_one_put_that_was_asked_for_is_made_and_nothing_after_it() {
    let world = World::start().await;
    let mut client = world.client().await;
    let url = format!("{}/app", world.sink.origins[0]);
    client.ok(&format!("PUSH-NOTIFY-HTTP PUT {url} \"version=9876543210\"")).await;
    let version = String::from_utf8(world.sink.next("/app").await.body.to_vec()).unwrap();
    let version = version.strip_prefix("version=").unwrap().to_owned();
    client.ok(&format!("PUSH-NOTIFY-HTTP CONFIRM {url} {version}")).await;
    assert_eq!(world.try_out().await.said, "201");
    let arrived = world.sink.next("/app").await;
    assert_eq!((arrived.method.as_str(), &*arrived.body), ("PUT", &b"version=9876543210"[..]));
    world.deliver("Subject: x\n\nHello\n").await;
    client.ok(&format!("PUSH-NOTIFY-HTTP PUT {url} \"version=9876543211\"")).await;
    world.deliver("Subject: y\n\nHello\n").await;
    assert_eq!(&*world.sink.next("/app").await.body, b"version=9876543211");
}

#[tokio::test]
async fn apples_service_is_told_that_the_inbox_has_changed() {
    let world = World::start().await;
    let mut client = world.client().await;
    let register = "XAPPLEPUSHSERVICE aps-version 2 aps-account-id A aps-device-token 0123456789ABCDEF \
                    aps-subtopic com.apple.mobilemail mailboxes (INBOX)";
    client.ok(register).await;
    assert_eq!(world.try_out().await.said, "201");
    let arrived = world.sink.next("/3/device/0123456789abcdef").await;
    let body = br#"{"aps":{"account-id":"A"},"m":"7e33429f656f1e6e9d79b29c3f82c57e"}"#;
    assert_eq!((&*arrived.body, arrived.header("apns-priority")), (&body[..], "10"));
}

#[tokio::test]
async fn a_trial_that_gets_through_brings_what_had_to_wait() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    // Failures take a while: they are noted as if they had been.
    world.stop_notifier().await;
    let row = world.row().await;
    let attempts = PushAttempts {
        failures: 5,
        next_attempt_at: Some(UnixTime(row.updated_at.0 + 3600)),
        last_answer: Some("timeout".to_owned()),
        ..row.attempts
    };
    let progress = PushProgress { id: row.id, cursor: row.cursor, elsewhere: row.elsewhere, attempts };
    world.store.record_push_progress(vec![progress]).await.unwrap();
    world.start_notifier();
    world.deliver("Subject: in vain\n\nHello\n").await;
    assert_eq!(world.try_out().await.said, "201");
    assert_eq!(world.push(&phone).await, "* SYNC\r\n");
    assert!(world.push(&phone).await.contains("in vain"));
    assert_eq!(world.row().await.attempts.failures, 0);
}
