//! Push services of every temper, side by side, and a notifier that stops and starts.

use std::time::Duration;

use store::{PushAttempts, PushProgress};

use crate::sink::Mood;
use crate::world::World;

#[tokio::test]
async fn a_dead_a_slow_and_a_busy_service_hold_up_no_good_one() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    let mut devices = Vec::new();
    for (service, name) in ["good", "hangs", "busy", "failing", "dead"].into_iter().enumerate() {
        let device = world.device_at(name, service);
        devices.push(world.acknowledged(&mut client, device).await);
    }
    world.sink.set("/push/hangs", Mood::Hangs);
    world.sink.set("/push/busy", Mood::Says(429, Some(3600)));
    world.sink.set("/push/failing", Mood::Says(500, None));
    world.sink.kill(4).await;
    for n in 1..=3 {
        world.deliver(&format!("Subject: mail {n}\n\nHello\n")).await;
        // The one that hangs does so for longer than this.
        let push = tokio::time::timeout(Duration::from_secs(4), world.push(&devices[0])).await;
        assert!(push.expect("the good one waits for nobody").contains(&format!("mail {n}")));
    }
    for (name, tried) in [("hangs", 2), ("busy", 2), ("failing", 2), ("dead", 1)] {
        let path = format!("/push/{name}");
        world.sink.attempted(&path, tried).await;
        assert_eq!(
            world.sink.attempts(&path),
            tried,
            "{name}: the token and one push, then it is left alone"
        );
    }
    assert_eq!(client.ok("LWEBPUSH *").await.len(), 5, "none of these answers removes a subscription");
}

#[tokio::test]
async fn a_push_that_is_too_large_for_its_service_is_said_in_fewer_words() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    world.sink.set(&phone.path(), Mood::TakesUpTo(500));
    world.deliver(&format!("Subject: long\n\n{}\n", "word ".repeat(500))).await;
    assert_eq!(world.push(&phone).await, "* SELECT INBOX\r\n* SYNC\r\n");
}

#[tokio::test]
async fn a_refused_subscription_is_removed() {
    let world = World::start().await;
    let mut client = world.client().await;
    for status in [400, 404, 410, 413] {
        let device = world.subscribed(&mut client, &format!("d{status}")).await;
        world.sink.set(&device.path(), Mood::Says(status, None));
        world.deliver("Subject: x\n\nHello\n").await;
        // 413 is tried again in summary before it counts.
        world.sink.attempted(&device.path(), if status == 413 { 3 } else { 2 }).await;
        let gone = async {
            while !client.ok("LWEBPUSH *").await.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is removed");
    }
}

#[tokio::test]
async fn what_came_while_the_notifier_was_away_is_pushed_when_it_is_back() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    world.deliver("Subject: before\n\nHello\n").await;
    assert!(world.push(&phone).await.contains("before"));
    world.stop_notifier().await;
    world.deliver("Subject: meanwhile\n\nHello\n").await;
    world.start_notifier();
    let push = world.push(&phone).await;
    assert!(push.contains("meanwhile") && !push.contains("before"), "the cursor was stored: {push}");
}

#[tokio::test]
async fn a_push_under_way_when_the_process_dies_is_pushed_again() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    world.sink.set(&phone.path(), Mood::Hangs);
    world.deliver("Subject: under way\n\nHello\n").await;
    world.sink.attempted(&phone.path(), 2).await;
    world.kill_notifier().await;
    world.sink.set(&phone.path(), Mood::Takes);
    world.start_notifier();
    assert!(world.push(&phone).await.contains("under way"));
}

#[tokio::test]
async fn a_client_that_registers_again_unchanged_does_not_lift_the_wait_of_its_push_service() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    let other = world.acknowledged(&mut client, world.device_at("other", 1)).await;
    // Not 429: that would close the whole origin for a while, whatever the notifier did.
    world.sink.set(&phone.path(), Mood::Says(500, None));
    world.deliver("Subject: in vain\n\nHello\n").await;
    world.sink.attempted(&phone.path(), 2).await;
    world.push(&other).await;
    client.ok(&phone.webpush()).await;
    client.ok("SILWEBPUSH phone 0").await;
    world.deliver("Subject: more\n\nHello\n").await;
    assert!(world.push(&other).await.contains("more"));
    assert_eq!(world.sink.attempts(&phone.path()), 2, "the token and one push");
}

#[tokio::test]
async fn a_push_service_that_is_away_twenty_times_in_a_row_ends_the_subscription_until_it_is_renewed() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    let mut devices = Vec::new();
    for (name, failures) in [("last", 19), ("before", 18)] {
        let device = world.acknowledged(&mut client, world.device_at(name, 1)).await;
        devices.push((device, failures));
    }
    // The first failures take hours: they are noted as if they had been.
    world.stop_notifier().await;
    let rows = world.store.account_push_subscriptions(world.alice).await.unwrap();
    let progress = rows.iter().map(|row| {
        let failures = devices.iter().find(|(device, _)| device.name == row.client_id).unwrap().1;
        PushProgress {
            id: row.id,
            cursor: row.cursor,
            elsewhere: row.elsewhere.clone(),
            attempts: PushAttempts { failures, next_attempt_at: None, ..row.attempts.clone() },
        }
    });
    world.store.record_push_progress(progress.collect()).await.unwrap();
    world.sink.kill(1).await;
    world.start_notifier();
    world.deliver("Subject: in vain\n\nHello\n").await;
    let (last, before) = (&devices[0].0, &devices[1].0);
    let inactive = format!("* WEBPUSH last {} NIL", last.endpoint());
    let ended = async { while !client.ok("LWEBPUSH *").await.contains(&inactive) {} };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it is deactivated");
    let active = format!("* WEBPUSH before {} 0", before.endpoint());
    assert!(client.ok("LWEBPUSH *").await.contains(&active), "one failure fewer");
    // The same device at a service that works.
    let renewed = world.acknowledged(&mut client, world.device_at("last", 0)).await;
    world.deliver("Subject: again\n\nHello\n").await;
    // What was in vain is due as well, in the same push or in one before.
    while !world.push(&renewed).await.contains("again") {}
}
