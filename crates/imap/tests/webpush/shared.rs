//! Pushes about another's mailboxes (RFC 4314 in WEBPUSH): to those who are subscribed to them, while they may read them.

use store::{MailboxName, Target};

use crate::world::{Client, Device, World};

const NAME: &str = "\"Other Users/bob/INBOX\"";

/// Alice's phone, her connection, and that of Bob, who lets her read his INBOX.
async fn shared() -> (World, Device, Client, Client) {
    let world = World::start().await;
    let (mut alice, mut bob) = (world.client().await, world.client_of("bob").await);
    let phone = world.subscribed(&mut alice, "phone").await;
    bob.ok("SETACL INBOX alice lr").await;
    (world, phone, alice, bob)
}

/// The same, and she is subscribed to it.
async fn followed() -> (World, Device, Client, Client) {
    let (world, phone, mut alice, bob) = shared().await;
    alice.ok(&format!("SUBSCRIBE {NAME}")).await;
    (world, phone, alice, bob)
}

/// The phone's next push is about this mail of Alice's own, and about nothing else.
async fn only_own_mail_is_pushed(world: &World, phone: &Device) {
    world.deliver("Subject: her own\n\nHello\n").await;
    let push = world.push(phone).await;
    assert!(push.starts_with("* SELECT INBOX\r\n") && push.contains("her own"), "{push}");
    assert!(!push.contains("Other Users") && push.matches("SELECT").count() == 1, "{push}");
    assert!(!world.sink.has_more(&phone.path()));
}

#[tokio::test]
async fn what_happens_in_anothers_mailbox_is_pushed_to_whoever_is_subscribed_to_it() {
    let (world, phone, mut alice, mut bob) = shared().await;
    world.deliver_to_bob("Subject: before\n\nHello\n").await;
    only_own_mail_is_pushed(&world, &phone).await;
    alice.ok(&format!("SUBSCRIBE {NAME}")).await;
    world.deliver_to_bob("Subject: lunch\n\nHello\n").await;
    let arrived = world.sink.next(&phone.path()).await;
    let push = phone.read(&arrived);
    let start = format!("* SELECT {NAME}\r\n* 2 UIDFETCH (FLAGS () ENVELOPE (NIL \"lunch\" ");
    assert!(push.starts_with(&start) && push.ends_with("BINARY[1] {7}\r\nHello\r\n)\r\n"), "{push}");
    assert_eq!(arrived.header("urgency"), "high");

    bob.ok("CREATE Private").await;
    let target = Target::NameOrInbox(MailboxName::new("Private").unwrap());
    world.put_for(world.bob, "Subject: private\n\nHello\n", target).await;
    bob.ok("SELECT Private").await;
    bob.ok("STORE 1 +FLAGS.SILENT ($Secret)").await;
    bob.ok("SELECT INBOX").await;
    bob.ok("STORE 2 +FLAGS.SILENT (\\Seen $Work)").await;
    let expected = format!(
        "* SELECT {NAME}\r\n* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)\r\n\
         * 2 UIDFETCH (FLAGS (\\Seen $Work))\r\n"
    );
    assert_eq!(world.push(&phone).await, expected);
    bob.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    assert!(world.push(&phone).await.contains("\\Deleted"));
    bob.ok("EXPUNGE").await;
    assert_eq!(world.push(&phone).await, format!("* SELECT {NAME}\r\n* VANISHED 2\r\n"));
    alice.ok(&format!("UNSUBSCRIBE {NAME}")).await;
    world.deliver_to_bob("Subject: after\n\nHello\n").await;
    only_own_mail_is_pushed(&world, &phone).await;
}

#[tokio::test]
async fn once_the_right_is_taken_away_nothing_is_told_not_even_a_name() {
    let (world, phone, mut alice, mut bob) = followed().await;
    bob.ok("CREATE Team").await;
    bob.ok("SETACL Team alice lr").await;
    alice.ok("SUBSCRIBE \"Other Users/bob/Team\"").await;
    for taken in ["SETACL INBOX alice l", "DELETEACL INBOX alice", "SETACL INBOX -alice r"] {
        bob.ok(taken).await;
        world.deliver_to_bob("Subject: secret\n\nHello\n").await;
        only_own_mail_is_pushed(&world, &phone).await;
    }
    bob.ok("DELETEACL Team alice").await;
    bob.ok("RENAME Team Crew").await;
    bob.ok("DELETE Crew").await;
    only_own_mail_is_pushed(&world, &phone).await;
    bob.ok("DELETEACL INBOX -alice").await;
    bob.ok("SETACL INBOX alice lr").await;
    world.deliver_to_bob("Subject: again\n\nHello\n").await;
    let push = world.push(&phone).await;
    assert!(
        push.starts_with(&format!("* SELECT {NAME}\r\n* 4 UIDFETCH ")) && push.contains("again"),
        "{push}"
    );
    assert!(!push.contains("secret"), "what came meanwhile is not told later: {push}");
}

#[tokio::test]
async fn a_push_that_waits_for_the_notifier_says_what_may_be_said_when_it_is_composed() {
    let (mut world, phone, _alice, mut bob) = followed().await;
    world.stop_notifier().await;
    world.deliver_to_bob("Subject: too late\n\nHello\n").await;
    bob.ok("DELETEACL INBOX alice").await;
    world.start_notifier();
    only_own_mail_is_pushed(&world, &phone).await;
}

#[tokio::test]
async fn messages_of_two_accounts_in_one_push_keep_their_texts() {
    let (mut world, phone, _alice, _bob) = followed().await;
    world.stop_notifier().await;
    // The first message of each account: their ids are the same.
    world.deliver("Subject: hers\n\nFor Alice\n").await;
    world.deliver_to_bob("Subject: his\n\nFor Bob\n").await;
    world.start_notifier();
    let push = world.push(&phone).await;
    let (own, others) = push.split_once(&format!("* SELECT {NAME}\r\n")).expect("both in one push");
    assert!(own.contains("hers") && own.contains("For Alice") && !own.contains("For Bob"), "{push}");
    assert!(others.contains("his") && others.contains("For Bob") && !others.contains("For Alice"), "{push}");
}

#[tokio::test]
async fn a_crash_loses_no_push_about_anothers_mailbox() {
    let (mut world, phone, _alice, _bob) = followed().await;
    world.deliver_to_bob("Subject: one\n\nHello\n").await;
    assert!(world.push(&phone).await.contains("one"));
    world.stop_notifier().await;
    world.deliver_to_bob("Subject: two\n\nHello\n").await;
    world.start_notifier();
    let push = world.push(&phone).await;
    assert!(push.contains("two") && !push.contains("one"), "the cursor was stored: {push}");
    world.kill_notifier().await;
    world.deliver_to_bob("Subject: three\n\nHello\n").await;
    world.start_notifier();
    // At least once: what came before the crash may come again.
    while !world.push(&phone).await.contains("three") {}
    // What the log no longer knows is stood for by a SYNC.
    world.stop_notifier().await;
    world.deliver_to_bob("Subject: four\n\nHello\n").await;
    world.forget_history();
    world.start_notifier();
    while world.push(&phone).await != format!("* SELECT {NAME}\r\n* SYNC\r\n") {}
}

#[tokio::test]
async fn what_the_device_does_itself_in_anothers_mailbox_is_not_pushed_back() {
    let (world, phone, mut alice, mut bob) = followed().await;
    bob.ok("SETACL INBOX alice lrs").await;
    world.deliver_to_bob("Subject: read me\n\nHello\n").await;
    world.push(&phone).await;
    alice.ok("SILWEBPUSH phone session").await;
    alice.ok(&format!("SELECT {NAME}")).await;
    alice.ok("STORE 1 +FLAGS (\\Seen)").await;
    world.deliver_to_bob("Subject: meanwhile\n\nHello\n").await;
    drop(alice);
    let push = world.push(&phone).await;
    assert!(push.contains("meanwhile") && !push.contains("* 1 UIDFETCH"), "{push}");
}
