//! The five commands and their answers (draft-gougeon-imap-webpush §5).

use crate::world::{Client, World};

#[tokio::test]
async fn a_subscription_is_made_acknowledged_listed_and_deleted() {
    let world = World::start().await;
    let mut client = world.client().await;
    let key = world.keys.current_id();
    assert_eq!(client.command("GETVAPID").await, [format!("* VAPID {key}"), "t OK GETVAPID done".into()]);

    let phone = world.device("phone");
    let inactive = format!("* WEBPUSH phone {} NIL", phone.endpoint());
    let answer = client.command(&phone.webpush()).await;
    assert_eq!(answer, [format!("* VAPID {key}"), inactive.clone(), "t OK WEBPUSH done".into()]);
    assert_eq!(client.ok("LWEBPUSH *").await, [inactive]);

    let push = world.sink.next(&phone.path()).await;
    assert_eq!((push.header("ttl"), push.header("urgency"), push.header("topic")), ("600", "high", ""));
    let token = phone.token(&push);
    let active = format!("* WEBPUSH phone {} 0", phone.endpoint());
    assert_eq!(client.ok(&format!("ACKWEBPUSH {token}")).await, std::slice::from_ref(&active));
    assert!(
        client.command(&format!("ACKWEBPUSH {token}")).await[0].starts_with("t NO [NONEXISTENT]"),
        "used"
    );
    for pattern in ["*", "phone", "ph%", "%"] {
        assert_eq!(
            client.ok(&format!("LWEBPUSH {pattern}")).await,
            std::slice::from_ref(&active),
            "{pattern}"
        );
    }
    for pattern in ["PHONE", "phon", "x*"] {
        assert_eq!(client.ok(&format!("LWEBPUSH {pattern}")).await, [""; 0], "{pattern}");
    }
    assert_eq!(client.ok(&phone.webpush()).await[1], active, "nothing changed: it stays active");
    assert_eq!(client.ok("WEBPUSH phone NIL").await, [""; 0]);
    assert_eq!(client.ok("WEBPUSH phone NIL").await, [""; 0], "an unknown id is no failure");
    assert_eq!(client.ok("LWEBPUSH *").await, [""; 0]);
}

#[tokio::test]
async fn any_changed_field_asks_for_a_new_acknowledgement() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    let mut moved = world.device("phone");
    assert!(client.ok(&moved.webpush()).await[1].ends_with(" NIL"), "other keys");
    moved.token(&world.sink.next(&phone.path()).await);
    world.deliver("Subject: to nobody\n\nHello\n").await;
    // Whatever is pushed next is a token again: nothing else goes to an endpoint that was not acknowledged.
    moved = world.device("phone");
    client.ok(&moved.webpush()).await;
    let token = moved.token(&world.sink.next(&phone.path()).await);
    client.ok(&format!("ACKWEBPUSH {token}")).await;
    assert!(world.push(&moved).await.contains("to nobody"), "it goes on where the first one stood");
}

#[tokio::test]
async fn broken_and_refused_commands_change_nothing() {
    let world = World::start().await;
    let mut client = world.client().await;
    world.subscribed(&mut client, "phone").await;
    let good = world.device("x").webpush();
    let words: Vec<&str> = good.split(' ').collect();
    let (key, auth) = (words[3], words[4]);
    let off_curve = format!("BA{}", "A".repeat(85));
    let cases = [
        ("GETVAPID now".to_owned(), "BAD"),
        ("WEBPUSH".to_owned(), "BAD"),
        ("WEBPUSH x".to_owned(), "BAD"),
        (format!("WEBPUSH x https://push.example/ {key}"), "BAD"),
        (format!("{good} more"), "BAD"),
        (format!("WEBPUSH x http://push.example/ {key} {auth}"), "BAD"),
        (format!("WEBPUSH x https://push.example/{} {key} {auth}", "a".repeat(2048)), "BAD"),
        (format!("WEBPUSH x https://push.example/ {} {auth}", &key[1..]), "BAD"),
        (format!("WEBPUSH x https://push.example/ {key} {auth}="), "BAD"),
        (format!("WEBPUSH x https://push.example/ {off_curve} {auth}"), "NO [CANNOT]"),
        (format!("WEBPUSH x https://10.0.0.1/ {key} {auth}"), "NO [CANNOT]"),
        (format!("WEBPUSH x https://[::ffff:10.0.0.1]/ {key} {auth}"), "NO [CANNOT]"),
        (format!("WEBPUSH x https://me@push.example/ {key} {auth}"), "NO [CANNOT]"),
        ("ACKWEBPUSH".to_owned(), "BAD"),
        ("ACKWEBPUSH not-a-uuid".to_owned(), "BAD"),
        ("ACKWEBPUSH 5aa04cf0-f156-406e-84af-3cee534b23b8".to_owned(), "NO [NONEXISTENT]"),
        ("LWEBPUSH".to_owned(), "BAD"),
        ("LWEBPUSH a b".to_owned(), "BAD"),
        ("SILWEBPUSH phone".to_owned(), "BAD"),
        ("SILWEBPUSH phone -1".to_owned(), "BAD"),
        ("SILWEBPUSH phone forever".to_owned(), "BAD"),
        ("SILWEBPUSH nobody 10".to_owned(), "NO [NONEXISTENT]"),
        ("SILWEBPUSH nobody session".to_owned(), "NO [NONEXISTENT]"),
    ];
    let before = client.ok("LWEBPUSH *").await;
    for (command, expected) in cases {
        let answer = client.command(&command).await;
        assert_eq!(answer.len(), 1, "no untagged response to {command}");
        assert!(answer[0].starts_with(&format!("t {expected}")), "{command}: {}", answer[0]);
        assert_eq!(client.ok("LWEBPUSH *").await, before, "{command}");
    }
}

#[tokio::test]
async fn the_commands_need_a_login_and_an_inactive_subscription_can_not_be_silenced() {
    let world = World::start().await;
    let mut stranger = world.stranger().await;
    let commands = [
        "GETVAPID",
        "LWEBPUSH *",
        "SILWEBPUSH x 1",
        "WEBPUSH x NIL",
        "ACKWEBPUSH 5aa04cf0-f156-406e-84af-3cee534b23b8",
    ];
    for command in commands {
        assert!(stranger.command(command).await[0].starts_with("t BAD"), "{command}");
    }
    let mut client = world.client().await;
    client.ok(&world.device("phone").webpush()).await;
    for duration in ["10", "0", "session"] {
        let answer = client.command(&format!("SILWEBPUSH phone {duration}")).await;
        assert!(answer[0].starts_with("t NO"), "{duration}: {answer:?}");
    }
}

#[tokio::test]
async fn subscriptions_belong_to_the_credential_that_made_them() {
    let world = World::start().await;
    let mut main = world.client().await;
    world.store.add_app_password(world.alice, "tablet", "app password").await.unwrap();
    let mut app: Client = world.stranger().await;
    app.ok("LOGIN alice \"app password\"").await;
    world.subscribed(&mut main, "phone").await;
    world.subscribed(&mut app, "tablet").await;
    assert_eq!(main.ok("LWEBPUSH *").await.len(), 2, "the main password sees all");
    assert_eq!(app.ok("LWEBPUSH *").await.len(), 1, "an app password its own");
    assert!(app.command("SILWEBPUSH phone 10").await[0].starts_with("t NO [NONEXISTENT]"));
    app.ok("WEBPUSH phone NIL").await;
    assert_eq!(main.ok("LWEBPUSH *").await.len(), 2, "another credential's id is an unknown one");
    let credentials = world.store.credentials(world.alice).await.unwrap();
    let tablet = credentials.iter().find(|credential| credential.name == "tablet").unwrap();
    world.store.revoke_credential(world.alice, tablet.id).await.unwrap();
    assert_eq!(main.ok("LWEBPUSH *").await.len(), 1, "revoked with its subscriptions");
}

#[tokio::test]
async fn a_new_vapid_key_is_told_with_the_old_one_and_asks_for_a_new_acknowledgement() {
    let world = World::start().await;
    let mut client = world.client().await;
    let phone = world.subscribed(&mut client, "phone").await;
    let pending = world.device("tablet");
    client.ok(&pending.webpush()).await;
    let token = pending.token(&world.sink.next(&pending.path()).await);
    let old = world.keys.current_id();
    let new = webpush::vapid::key::SigningKey::generate().unwrap();
    let new_id = new.public_key().to_base64url();
    world.keys.rotate(&world.store, new).await.unwrap();
    assert!(
        client.command(&format!("ACKWEBPUSH {token}")).await[0].starts_with("t NO"),
        "pending tokens are void"
    );
    let notice = world.sink.next(&phone.path()).await;
    assert_eq!(phone.read(&notice), format!("* VAPID {new_id}\r\n"));
    assert!(
        notice.header("authorization").ends_with(&format!("k={old}")),
        "signed with the key that it knows"
    );
    assert_eq!(notice.header("urgency"), "low");
    let answer = client.ok(&phone.webpush()).await;
    assert_eq!(answer, [format!("* VAPID {new_id}"), format!("* WEBPUSH phone {} NIL", phone.endpoint())]);
    let token = phone.token(&world.sink.next(&phone.path()).await);
    client.ok(&format!("ACKWEBPUSH {token}")).await;
}

#[tokio::test]
async fn an_account_that_registers_too_often_is_told_to_wait() {
    let world = World::start().await;
    let mut client = world.client().await;
    for _ in 0..crate::world::COMMANDS_PER_MINUTE {
        client.ok(&world.device("phone").webpush()).await;
    }
    let before = client.ok("LWEBPUSH *").await;
    let answer = client.command(&world.device("phone").webpush()).await;
    assert!(answer.len() == 1 && answer[0].starts_with("t NO [LIMIT]"), "{answer:?}");
    assert_eq!(client.ok("LWEBPUSH *").await, before);
}
