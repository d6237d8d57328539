//! XAPPLEPUSHSERVICE: pushes over HTTP/2 to a service in the place of Apple's.

use std::time::Duration;

use store::{MailboxName, Target};

use crate::sink::{Arrived, Mood};
use crate::world::{APPLE_TOPIC, Client, World};

const PATH: &str = "/3/device/0123456789abcdef";
const ACCOUNT: &str = "0715A26B-CA09-4730-A419-793000CA982E";
/// MD5 of INBOX and of Lists.
const INBOX: &str = "7e33429f656f1e6e9d79b29c3f82c57e";
const LISTS: &str = "691d1860ec58dd973e803e209697d065";

fn register(mailboxes: &str) -> String {
    format!(
        "XAPPLEPUSHSERVICE aps-version 2 aps-account-id {ACCOUNT} aps-device-token 0123456789ABCDEF \
         aps-subtopic com.apple.mobilemail mailboxes ({mailboxes})"
    )
}

async fn registered(world: &World, mailboxes: &str) -> Client {
    let mut client = world.client().await;
    client.ok("CREATE Lists").await;
    let answer = client.command(&register(mailboxes)).await;
    let expected = format!("* XAPPLEPUSHSERVICE aps-version \"2\" aps-topic \"{APPLE_TOPIC}\"");
    assert_eq!(answer, [expected, "t OK XAPPLEPUSHSERVICE done".to_owned()]);
    client
}

fn document(digest: &str) -> String {
    format!(r#"{{"aps":{{"account-id":"{ACCOUNT}"}},"m":"{digest}"}}"#)
}

fn body(arrived: &Arrived) -> String {
    String::from_utf8(arrived.body.to_vec()).unwrap()
}

#[tokio::test]
async fn new_mail_is_pushed_over_http_2_with_topic_token_and_expiry() {
    let world = World::start().await;
    let _client = registered(&world, "INBOX Lists").await;
    world.deliver("Subject: x\n\nHello\n").await;
    let arrived = world.sink.next(PATH).await;
    assert_eq!((arrived.method.as_str(), arrived.version), ("POST", hyper::Version::HTTP_2));
    assert_eq!(body(&arrived), document(INBOX));
    let headers = ["apns-topic", "apns-priority", "content-encoding"].map(|name| arrived.header(name));
    assert_eq!(headers, [APPLE_TOPIC, "10", ""]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let lasts = arrived.header("apns-expiration").parse::<u64>().unwrap() - now;
    assert!((86_000..=86_400).contains(&lasts), "{lasts}");
    let token = arrived.header("authorization").strip_prefix("bearer ").unwrap().to_owned();
    assert_eq!(token.split('.').count(), 3);
    world.deliver("Subject: y\n\nHello\n").await;
    assert_eq!(world.sink.next(PATH).await.header("authorization"), format!("bearer {token}"), "it is kept");
}

#[tokio::test]
async fn other_changes_wait_for_more_and_each_mailbox_has_its_document() {
    let world = World::start().await;
    let mut client = registered(&world, "INBOX Lists").await;
    let placed = [MailboxName::inbox(), MailboxName::new("Lists").unwrap()];
    for name in placed {
        world.put("Subject: x\n\nHello\n", Target::NameOrInbox(name)).await;
        world.sink.next(PATH).await;
    }
    for mailbox in ["INBOX", "Lists"] {
        client.ok(&format!("SELECT {mailbox}")).await;
        client.ok("STORE 1 +FLAGS (\\Seen)").await;
    }
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let arrived = world.sink.next(PATH).await;
        assert_eq!(arrived.header("apns-priority"), "5");
        bodies.push(body(&arrived));
    }
    assert_eq!(bodies, [document(INBOX), document(LISTS)]);
    assert!(!world.sink.has_more(PATH), "both changes left together");
}

#[tokio::test]
async fn only_mailboxes_that_were_asked_for_and_are_there_are_told_of() {
    let world = World::start().await;
    let mut client = registered(&world, "Lists \"Not there\"").await;
    world.deliver("Subject: x\n\nHello\n").await;
    let phone = world.subscribed(&mut client, "phone").await;
    world.deliver("Subject: y\n\nHello\n").await;
    world.push(&phone).await;
    assert_eq!(world.sink.attempts(PATH), 0);
    let lists = Target::NameOrInbox(MailboxName::new("Lists").unwrap());
    world.put("Subject: z\n\nHello\n", lists).await;
    assert_eq!(body(&world.sink.next(PATH).await), document(LISTS));
    assert_eq!(client.ok("LWEBPUSH *").await.len(), 1, "Web Push only");
}

#[tokio::test]
async fn a_device_that_is_gone_is_removed_and_a_busy_service_is_left_alone() {
    let world = World::start().await;
    let mut client = registered(&world, "INBOX").await;
    world.sink.set(PATH, Mood::Says(429, None));
    world.deliver("Subject: x\n\nHello\n").await;
    world.sink.attempted(PATH, 1).await;
    world.deliver("Subject: y\n\nHello\n").await;
    let phone = world.acknowledged(&mut client, world.device_at("phone", 1)).await;
    world.deliver("Subject: z\n\nHello\n").await;
    world.push(&phone).await;
    assert_eq!(world.sink.attempts(PATH), 1, "it is to be left alone for five minutes");

    let other = PATH.replace("0123", "9999");
    let registration = register("INBOX").replace("0123456789ABCDEF", "9999456789abcdef");
    client.ok(&registration).await;
    let registered = world.store.account_push_subscriptions(world.alice).await.unwrap().len();
    world.sink.set(&other, Mood::Says(410, None));
    world.deliver("Subject: gone\n\nHello\n").await;
    let gone = async {
        while world.store.account_push_subscriptions(world.alice).await.unwrap().len() == registered {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is removed");
    assert_eq!(world.sink.attempts(&other), 1);
}

#[tokio::test]
async fn what_can_not_be_served_is_refused() {
    let world = World::start().await;
    let mut client = world.client().await;
    let version = register("INBOX").replace("aps-version 2", "aps-version 1");
    let subtopic = register("INBOX").replace("mobilemail", "calendar");
    let token = register("INBOX").replace("0123456789ABCDEF", "../../x");
    let account = register("INBOX").replace(ACCOUNT, "\"a\\\"b\"");
    let missing = register("INBOX").replace("aps-subtopic com.apple.mobilemail ", "");
    let cases = [
        (version.as_str(), "t NO [CANNOT] only aps-version 2"),
        (&subtopic, "t NO [CANNOT] only aps-version 2"),
        (&register("\"Not there\""), "t NO [NONEXISTENT]"),
        (&token, "t BAD this is no device token"),
        (&account, "t BAD this is no account id"),
        (&missing, "t BAD an argument is missing"),
    ];
    for (command, expected) in cases {
        let answer = client.command(command).await.pop().unwrap();
        assert!(answer.starts_with(expected), "{command}: {answer}");
    }
    let capabilities = client.ok("CAPABILITY").await.remove(0);
    for name in [" XAPPLEPUSHSERVICE", " PUSH-NOTIFY-HTTP=PUT", " NOTIFY "] {
        assert!(capabilities.contains(name), "{capabilities}");
    }
}
