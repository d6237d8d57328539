//! Who is let in and who has to go: limits for a peer and an account, bans, revoked credentials.

use crate::support::transcript::{Client, PATIENCE};
use crate::support::{PASSWORD, TestServer, quick_guessing};
use ::admission::guessing;
use ::admission::peer::Peers;
use imap::Options;

/// Has connections of this machine counted as everybody's.
fn trust_nobody(options: &mut Options) {
    options.peers = Peers::new(Vec::new());
}

#[tokio::test]
async fn a_peer_has_so_many_connections_and_gets_them_back() {
    let server = TestServer::start(|options| {
        trust_nobody(options);
        options.limits.connections_per_peer = 2;
    })
    .await;
    let (first, _second) = (Client::log_in(&server).await, Client::log_in(&server).await);
    let refusal = "* BYE [LIMIT] too many connections from your address";
    let mut third = Client::connect(&server).await;
    assert_eq!(third.line().await, refusal);
    assert!(third.is_closed().await);
    drop(first);
    let free = async { while Client::connect(&server).await.line().await == refusal {} };
    tokio::time::timeout(PATIENCE, free).await.expect("the place becomes free");
    server.stop().await;
}

#[tokio::test]
async fn an_account_has_so_many_sessions() {
    let server = TestServer::start(|options| options.limits.connections_per_account = 1).await;
    let mut first = Client::log_in(&server).await;
    let mut second = Client::connect(&server).await;
    second.line().await;
    let login = format!("LOGIN alice {PASSWORD}");
    assert_eq!(second.command(&login).await, ["t NO [LIMIT] too many connections of this account"]);
    first.command("LOGOUT").await;
    let free =
        async { while !second.command(&login).await.last().is_some_and(|line| line.starts_with("t OK")) {} };
    tokio::time::timeout(PATIENCE, free).await.expect("the place becomes free");
    server.stop().await;
}

#[tokio::test]
async fn who_guesses_is_banned_for_a_while() {
    let limits = guessing::Limits { peer_failures: 3, ..quick_guessing() };
    let server = TestServer::start_with(limits, trust_nobody).await;
    let mut before = Client::log_in(&server).await;
    let mut guesser = Client::connect(&server).await;
    guesser.line().await;
    for name in ["alice", "nobody", "alice"] {
        let answer = guesser.command(&format!("LOGIN {name} wrong")).await;
        assert_eq!(answer, ["t NO [AUTHENTICATIONFAILED] wrong name or password"], "{name}");
    }
    let answer = guesser.command(&format!("LOGIN alice {PASSWORD}")).await;
    assert!(answer[0].starts_with("t NO [LIMIT] too many wrong passwords, try again in "), "{answer:?}");
    assert_eq!(guesser.line().await, "* BYE too many wrong passwords");
    let banned = Client::connect(&server).await.line().await;
    assert_eq!(banned, "* BYE [LIMIT] too many wrong passwords from your address, try again later");
    // Who is in stays.
    assert_eq!(before.command("NOOP").await, ["t OK NOOP done"]);
    server.stop().await;
}

#[tokio::test]
async fn an_account_that_is_guessed_at_is_closed_to_strangers() {
    let limits = guessing::Limits { account_failures: 2, ..quick_guessing() };
    let server = TestServer::start_with(limits, |_| {}).await;
    let mut guesser = Client::connect(&server).await;
    guesser.line().await;
    for name in ["Alice", "alice@mail.example.org"] {
        let answer = guesser.command(&format!("LOGIN {name} wrong")).await;
        assert_eq!(answer, ["t NO [AUTHENTICATIONFAILED] wrong name or password"], "{name}");
    }
    let answer = guesser.command(&format!("LOGIN alice {PASSWORD}")).await;
    assert!(answer[0].starts_with("t NO [LIMIT] too many wrong passwords"), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn sessions_end_soon_after_their_credential_is_revoked() {
    let server = TestServer::start(|_| {}).await;
    server.store.add_app_password(server.alice, "phone", "of the phone").await.unwrap();
    let phone = server.store.credentials(server.alice).await.unwrap()[1].id;
    let mut main = Client::log_in(&server).await;
    main.command("SELECT INBOX").await;
    main.send("i IDLE").await;
    assert_eq!(main.line().await, "+ idling");
    let mut app = Client::connect(&server).await;
    app.line().await;
    let answer = app.command("LOGIN alice {12+}\r\nof the phone").await;
    assert!(answer[0].starts_with("t OK"), "{answer:?}");

    server.store.revoke_credential(server.alice, phone).await.unwrap();
    assert_eq!(app.line().await, "* BYE [EXPIRED] your access has ended");
    assert!(app.is_closed().await);
    main.send("DONE").await;
    assert_eq!(main.line().await, "i OK IDLE done", "another credential is not concerned");

    server.store.set_password(server.alice, "new").await.unwrap();
    let mut after = Client::connect(&server).await;
    after.line().await;
    assert!(after.command("LOGIN alice new").await[0].starts_with("t OK"));
    assert_eq!(main.line().await, "* BYE [EXPIRED] your access has ended");
    assert_eq!(after.command("NOOP").await, ["t OK NOOP done"], "it began with the new password");

    server.store.remove_account(server.alice).await.unwrap();
    assert_eq!(after.line().await, "* BYE [EXPIRED] your access has ended");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_nobody_takes_does_not_keep_a_revoked_session() {
    let server = TestServer::start(|options| {
        options.limits.message_bytes = 8 << 20;
        options.limits.connections_per_account = 1;
    })
    .await;
    let mut slow = Client::log_in(&server).await;
    let message = format!("Subject: large\r\n\r\n{}", "0123456789abcdef\r\n".repeat(400_000));
    slow.send_bytes(format!("a APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len()).as_bytes()).await;
    slow.answer("a").await;
    slow.command("SELECT INBOX").await;
    // More than all socket buffers on the way hold; nothing of it is read.
    slow.send_bytes("b FETCH 1 BODY.PEEK[]\r\n".repeat(8).as_bytes()).await;
    assert!(slow.line().await.starts_with("* 1 FETCH (BODY[] {"));
    server.store.set_password(server.alice, "new").await.unwrap();
    // The account's only place is free once the session has ended.
    let mut after = Client::connect(&server).await;
    after.line().await;
    let free = async {
        while !after.command("LOGIN alice new").await.last().is_some_and(|l| l.starts_with("t OK")) {}
    };
    tokio::time::timeout(PATIENCE, free).await.expect("the session ends");
    drop(slow);
    server.stop().await;
}
