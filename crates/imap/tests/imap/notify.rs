//! NOTIFY's limits (RFC 5465 §3.1 and §5.8).

use crate::support::TestServer;
use crate::support::transcript::Client;

async fn narrow_server() -> TestServer {
    TestServer::start(|options| {
        options.limits.notify_mailboxes = 2;
        options.limits.notify_responses = 1;
    })
    .await
}

#[tokio::test]
async fn a_wish_that_is_too_large_is_refused() {
    let server = narrow_server().await;
    let mut client = Client::log_in(&server).await;
    let names = client.command("NOTIFY SET (mailboxes (A B) NONE) (subtree C NONE)").await;
    assert_eq!(names, ["t NO [NOTIFICATIONOVERFLOW] these are too many mailboxes"]);
    client.command("CREATE Lists").await;
    let statuses = client.command("NOTIFY SET STATUS (personal (MessageNew MessageExpunge))").await;
    assert_eq!(statuses, ["t NO [NOTIFICATIONOVERFLOW] these are too many mailboxes"]);
    server.stop().await;
}

#[tokio::test]
async fn too_much_at_once_ends_the_notifications() {
    let server = narrow_server().await;
    let (mut client, mut other) = (Client::log_in(&server).await, Client::log_in(&server).await);
    let set = client.command("NOTIFY SET (personal (MailboxName))").await;
    assert_eq!(set, ["t OK NOTIFY done"]);
    other.command("CREATE One").await;
    assert_eq!(client.line().await, r#"* LIST (\HasNoChildren) "/" One"#);
    // One commit, and two names.
    other.command("CREATE Two/Three").await;
    assert_eq!(client.line().await, "* OK [NOTIFICATIONOVERFLOW] too much has changed, look yourself");
    other.command("CREATE Four").await;
    assert_eq!(client.command("NOOP").await, ["t OK NOOP done"], "as after NOTIFY NONE");
    assert_eq!(client.command("NOTIFY SET (personal (MailboxName))").await, ["t OK NOTIFY done"]);
    other.command("CREATE Five").await;
    assert_eq!(client.line().await, r#"* LIST (\HasNoChildren) "/" Five"#);
    server.stop().await;
}

#[tokio::test]
async fn what_the_client_does_itself_is_not_too_much_however_much_it_is() {
    let server = narrow_server().await;
    let (mut client, mut other) = (Client::log_in(&server).await, Client::log_in(&server).await);
    server.give(&["simple"]).await;
    client.command("SELECT INBOX").await;
    for _ in 0..15 {
        client.command("COPY 1:* INBOX").await;
    }
    let set = client.command("NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))").await;
    assert_eq!(set, ["t OK NOTIFY done"]);
    let stored = client.command(r"STORE 1:* +FLAGS.SILENT (\Seen)").await;
    assert_eq!(stored, ["t OK STORE done"], "16 pages of changes");
    other.command("CREATE One").await;
    assert_eq!(client.line().await, r#"* LIST (\HasNoChildren) "/" One"#);
    server.stop().await;
}
