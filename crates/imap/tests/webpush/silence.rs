//! SILWEBPUSH (draft-gougeon-imap-webpush §5.5).

use crate::world::World;

#[tokio::test]
async fn a_timed_silence_ends_with_one_summary() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    let answer = client.ok("SILWEBPUSH phone 3600").await;
    assert!(answer[0].ends_with(" 3600") || answer[0].ends_with(" 3599"), "{answer:?}");
    world.deliver("Subject: unheard\n\nHello\n").await;
    world.deliver("Subject: unheard\n\nHello\n").await;
    // A second device hears of both, so both have been looked at.
    let other = world.subscribed(&mut client, "other").await;
    world.deliver("Subject: heard\n\nHello\n").await;
    world.push(&other).await;
    assert!(!world.sink.has_more(&phone.path()), "silent");
    assert!(client.ok("SILWEBPUSH phone 0").await[0].ends_with(" 0"));
    assert_eq!(world.push(&phone).await, "* SELECT INBOX\r\n* SYNC\r\n");
    world.deliver("Subject: again\n\nHello\n").await;
    assert!(world.push(&phone).await.contains("again"), "then it goes on as before");
}

#[tokio::test]
async fn a_connected_device_gets_no_push_and_afterwards_only_what_it_was_not_shown() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    client.ok("CREATE Work").await;
    assert!(world.push(&phone).await.contains("* LIST"), "before the silence even one's own doing is pushed");
    client.ok("SELECT INBOX").await;
    assert!(client.ok("SILWEBPUSH phone session").await[0].ends_with(" 0"), "not reflected");
    client.ok("SILWEBPUSH phone session").await;
    let mut second = world.client().await;
    world.subscribed(&mut second, "tablet").await;
    let refused = client.command("SILWEBPUSH tablet session").await;
    assert!(refused[0].starts_with("t NO [LIMIT]"), "a connection is one device: {refused:?}");
    world.deliver("Subject: shown\n\nHello\n").await;
    assert!(client.ok("NOOP").await.iter().any(|line| line.ends_with("EXISTS")));
    // Its own doing, and what proves that it was shown the message.
    client.ok("STORE 1 +FLAGS (\\Flagged)").await;
    client.ok("CREATE Mine").await;
    let target = store::Target::NameOrInbox(store::MailboxName::new("Work").unwrap());
    world.put("Subject: elsewhere\n\nHello\n", target).await;
    client.ok("NOOP").await;
    assert!(!world.sink.has_more(&phone.path()), "silent while it lives");
    drop(client);
    let push = world.push(&phone).await;
    assert!(push.starts_with("* SELECT Work\r\n") && push.contains("elsewhere"), "{push}");
    assert!(!push.contains("INBOX") && !push.contains("Mine"), "{push}");
}

#[tokio::test]
async fn a_phone_that_vanishes_is_told_what_it_never_proved_to_have_seen() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    client.ok("SELECT INBOX").await;
    client.ok("SILWEBPUSH phone session").await;
    client.ok("NOOP").await;
    world.deliver("Subject: lost on the way\n\nHello\n").await;
    // The answer leaves the server, and the phone is gone before it says anything more.
    client.ok("NOOP").await;
    drop(client);
    assert!(world.push(&phone).await.contains("lost on the way"));
}

#[tokio::test]
async fn a_connected_device_that_moves_to_another_endpoint_gets_its_token() {
    let world = World::start().await;
    let mut client = world.client().await;
    world.subscribed(&mut client, "phone").await;
    let other = world.subscribed(&mut client, "other").await;
    client.ok("SILWEBPUSH phone session").await;
    // Once the other device has heard of it, the phone has been looked at, too.
    world.deliver("Subject: first\n\nHello\n").await;
    world.push(&other).await;
    // Other keys: the subscription has to be acknowledged anew, on the very connection that keeps it silent.
    let moved = world.acknowledged(&mut client, world.device("phone")).await;
    world.deliver("Subject: second\n\nHello\n").await;
    world.push(&other).await;
    assert!(!world.sink.has_more(&moved.path()), "silent as long as the connection lives");
    drop(client);
    let push = world.push(&moved).await;
    assert!(push.contains("first") && push.contains("second"), "{push}");
}
