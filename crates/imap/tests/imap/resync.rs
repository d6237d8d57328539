//! QRESYNC for a client that was away for longer than tombstones are kept (RFC 7162 §3.2.5): it is told of more UIDs
//! than have vanished, never of fewer, and of as few as it can prove.

use crate::support::TestServer;
use crate::support::transcript::Client;

fn code(lines: &[String], name: &str) -> String {
    let start = format!("[{name} ");
    let line = lines.iter().find(|line| line.contains(&start)).unwrap_or_else(|| panic!("{name}: {lines:?}"));
    line.split(&start).nth(1).unwrap().split(']').next().unwrap().to_owned()
}

fn vanished(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("* VANISHED (EARLIER) ")).collect()
}

/// As upkeep does with tombstones that are old: they go, and the log says from where on it is complete.
fn forget_tombstones(server: &TestServer) {
    let database = rusqlite::Connection::open(server.data_dir().join("mail.sqlite")).unwrap();
    let forget = "UPDATE account SET horizon = modseq; DELETE FROM expunged;";
    database.execute_batch(forget).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_tombstones_every_uid_that_may_have_vanished_is_told() {
    let server = TestServer::start(|_| {}).await;
    server.give(&["simple", "second", "simple", "second", "simple", "second"]).await;
    let mut client = Client::log_in(&server).await;
    client.command("ENABLE QRESYNC").await;
    client.command("SELECT INBOX").await;
    client.command(r"STORE 1 +FLAGS.SILENT (\Deleted)").await;
    client.command("EXPUNGE").await;
    let known = client.command("SELECT INBOX").await;
    let since = format!("{} {}", code(&known, "UIDVALIDITY"), code(&known, "HIGHESTMODSEQ"));
    client.command(r"UID STORE 4 +FLAGS.SILENT (\Deleted)").await;
    client.command("EXPUNGE").await;
    client.command(r"UID STORE 5 +FLAGS (\Flagged)").await;
    // While they are kept, the answer is exact.
    let exact = client.command(&format!("SELECT INBOX (QRESYNC ({since}))")).await;
    assert_eq!(vanished(&exact), ["4"]);
    forget_tombstones(&server);
    // What the client says it knows, and what it remembers by number and UID.
    for (says, told) in [
        ("", vec!["1,4"]),
        (" 2:6", vec!["4"]),
        (" 2:3,5:6", vec![]),
        (" 1:6 (1:2 2:3)", vec!["4"]),
        (" 1:6 (1,3 2,4)", vec!["4"]),
        (" 1:6 (2 5)", vec!["1,4"]),
        (" 1:4294967295", vec!["1,4"]),
    ] {
        let lines = client.command(&format!("SELECT INBOX (QRESYNC ({since}{says}))")).await;
        assert_eq!(vanished(&lines), told, "QRESYNC ({since}{says})");
        // Changes are not forgotten.
        let flagged = lines.iter().filter(|line| line.contains(r"FETCH (UID 5 FLAGS (\Flagged)")).count();
        assert_eq!(flagged, 1, "{lines:?}");
    }
    let modseq = since.split(' ').nth(1).unwrap();
    let fetched = client.command(&format!("UID FETCH 1:* (UID) (CHANGEDSINCE {modseq} VANISHED)")).await;
    assert_eq!(vanished(&fetched), ["1,4"]);
    server.stop().await;
}
