//! PUSH-NOTIFY-HTTP=PUT: one HTTP PUT when mail comes, to a URL that has been proven.

use store::{MailboxName, Target};

use crate::sink::{Arrived, Mood};
use crate::world::{Client, World};

const URL: &str = "/app/alice";

fn url(world: &World) -> String {
    format!("{}{URL}", world.sink.origins[0])
}

fn body(arrived: &Arrived) -> String {
    assert_eq!(arrived.method, "PUT");
    assert_eq!(arrived.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(arrived.header("authorization"), "", "no VAPID");
    String::from_utf8(arrived.body.to_vec()).unwrap()
}

async fn request(world: &World, client: &mut Client, body: &str) -> String {
    client.command(&format!("PUSH-NOTIFY-HTTP PUT {} \"{body}\"", url(world))).await.pop().unwrap()
}

/// The version that is put next.
async fn version(world: &World) -> u64 {
    let body = body(&world.sink.next(URL).await);
    body.strip_prefix("version=").unwrap().parse().unwrap()
}

async fn confirm(world: &World, client: &mut Client, version: u64) -> String {
    client.command(&format!("PUSH-NOTIFY-HTTP CONFIRM {} {version}", url(world))).await.pop().unwrap()
}

/// Asks for a PUT to a URL that is not proven yet, and proves it.
async fn asked(world: &World, client: &mut Client, body: &str) -> u64 {
    let answer = request(world, client, body).await;
    assert_eq!(answer, "t OK PUSH-NOTIFY-HTTP done, confirm the version that is put to the URL");
    let version = version(world).await;
    assert!((1..1 << 31).contains(&version));
    assert_eq!(confirm(world, client, version).await, "t OK PUSH-NOTIFY-HTTP done");
    version
}

#[tokio::test]
async fn a_put_is_made_once_for_mail_and_again_only_when_it_is_asked_for_again() {
    let world = World::start().await;
    let mut client = world.client().await;
    asked(&world, &mut client, "hello=world&n=1").await;
    world.deliver("Subject: first\n\nHello\n").await;
    assert_eq!(body(&world.sink.next(URL).await), "hello=world&n=1");
    world.deliver("Subject: second\n\nHello\n").await;
    assert_eq!(request(&world, &mut client, "n=2").await, "t OK PUSH-NOTIFY-HTTP done", "it is proven");
    world.deliver("Subject: third\n\nHello\n").await;
    assert_eq!(body(&world.sink.next(URL).await), "n=2", "nothing was put for the second one");
    assert_eq!(client.ok("LWEBPUSH *").await, [""; 0], "it is no Web Push");
}

#[tokio::test]
async fn nothing_but_the_version_goes_to_a_url_that_is_not_proven() {
    let world = World::start().await;
    let mut client = world.client().await;
    request(&world, &mut client, "n=1").await;
    let version = version(&world).await;
    world.deliver("Subject: early\n\nHello\n").await;
    let refused = "t NO [NONEXISTENT] this version was not put there, or too long ago";
    assert_eq!(confirm(&world, &mut client, version ^ 1).await, refused);
    let as_web_push = client.command(&format!("ACKWEBPUSH {version}")).await;
    assert!(!as_web_push[0].starts_with("t OK"), "{as_web_push:?}");
    assert_eq!(world.sink.attempts(URL), 1);
    assert_eq!(confirm(&world, &mut client, version).await, "t OK PUSH-NOTIFY-HTTP done");
    assert_eq!(body(&world.sink.next(URL).await), "n=1", "the mail that came before the proof counts");
    assert_eq!(confirm(&world, &mut client, version).await, refused, "a version proves once");
}

#[tokio::test]
async fn a_proof_lasts_for_thirty_days() {
    let world = World::start().await;
    let mut client = world.client().await;
    asked(&world, &mut client, "n=1").await;
    world.age_proofs();
    asked(&world, &mut client, "n=2").await;
    world.deliver("Subject: x\n\nHello\n").await;
    assert_eq!(body(&world.sink.next(URL).await), "n=2");
}

#[tokio::test]
async fn a_new_request_replaces_the_old_one_and_versions_rise() {
    let world = World::start().await;
    let mut client = world.client().await;
    let proven = asked(&world, &mut client, "n=1").await;
    let next = format!("version={}", proven + 5);
    assert_eq!(request(&world, &mut client, &next).await, "t OK PUSH-NOTIFY-HTTP done");
    for old in [proven, proven + 5] {
        let refused = request(&world, &mut client, &format!("version={old}")).await;
        assert!(refused.starts_with("t NO [CANNOT]"), "{old}: {refused}");
    }
    world.deliver("Subject: x\n\nHello\n").await;
    assert_eq!(body(&world.sink.next(URL).await), next, "what was refused has changed nothing");
}

#[tokio::test]
async fn mail_elsewhere_than_in_inbox_and_changes_put_nothing() {
    let world = World::start().await;
    let mut client = world.client().await;
    client.ok("CREATE Lists").await;
    asked(&world, &mut client, "n=1").await;
    for mailbox in ["Junk", "Lists"] {
        let target = Target::NameOrInbox(MailboxName::new(mailbox).unwrap());
        world.put("Subject: elsewhere\n\nHello\n", target).await;
    }
    client.ok("SELECT Lists").await;
    client.ok("STORE 1 +FLAGS (\\Flagged)").await;
    client.ok("COPY 1 INBOX").await;
    // Another device shows that all of this has been looked at.
    let phone = world.subscribed(&mut client, "phone").await;
    client.ok("STORE 1 -FLAGS (\\Flagged)").await;
    world.push(&phone).await;
    assert_eq!(world.sink.attempts(URL), 1, "the version");
    world.deliver("Subject: here\n\nHello\n").await;
    assert_eq!(body(&world.sink.next(URL).await), "n=1");
}

#[tokio::test]
async fn a_request_survives_a_restart_and_a_service_that_is_away() {
    let mut world = World::start().await;
    let mut client = world.client().await;
    asked(&world, &mut client, "n=1").await;
    world.sink.set(URL, Mood::Says(503, Some(1)));
    world.deliver("Subject: x\n\nHello\n").await;
    world.sink.attempted(URL, 2).await;
    world.stop_notifier().await;
    world.sink.set(URL, Mood::Takes);
    world.start_notifier();
    assert_eq!(body(&world.sink.next(URL).await), "n=1");
}

#[tokio::test]
async fn a_url_that_refuses_is_forgotten() {
    let world = World::start().await;
    let mut client = world.client().await;
    asked(&world, &mut client, "n=1").await;
    world.sink.set(URL, Mood::Says(403, None));
    world.deliver("Subject: x\n\nHello\n").await;
    world.sink.attempted(URL, 2).await;
    world.sink.set(URL, Mood::Takes);
    let gone = async {
        while !world.store.account_push_subscriptions(world.alice).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("it is removed");
    asked(&world, &mut client, "n=2").await;
}

#[tokio::test]
async fn what_may_not_be_put_is_refused() {
    let world = World::start().await;
    let mut client = world.client().await;
    let long = "x".repeat(257);
    let cases = [
        (format!("PUT {} {long}", url(&world)), "t NO [TOOBIG]"),
        ("PUT http://127.0.0.1/x a=b".to_owned(), "t NO [CANNOT] URL: the scheme must be https"),
        ("PUT https://10.0.0.1/x a=b".to_owned(), "t NO [CANNOT] URL: the address"),
        ("PUT https://user@127.0.0.1/x a=b".to_owned(), "t NO [CANNOT] URL: user names"),
        ("CONFIRM https://127.0.0.1/x 7".to_owned(), "t NO [NONEXISTENT]"),
        ("CONFIRM https://127.0.0.1/x seven".to_owned(), "t BAD"),
        ("PUT https://127.0.0.1/x".to_owned(), "t BAD"),
        ("DELETE https://127.0.0.1/x".to_owned(), "t BAD expected PUT or CONFIRM"),
        (format!("PUT https://127.0.0.1/{} a", "x".repeat(2048)), "t BAD the URL is longer"),
    ];
    for (arguments, expected) in cases {
        let answer = client.command(&format!("PUSH-NOTIFY-HTTP {arguments}")).await.pop().unwrap();
        assert!(answer.starts_with(expected), "{arguments}: {answer}");
    }
    let mut stranger = world.stranger().await;
    let answer = stranger.command("PUSH-NOTIFY-HTTP PUT https://127.0.0.1/x a=b").await;
    assert_eq!(answer, ["t BAD log in first"]);
}
