use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use super::*;
use crate::agent::Encryption;
use crate::testing::within;

fn message(subscription: &str, id: &str, body: &[u8]) -> Message {
    Message {
        subscription: subscription.to_owned(),
        id: id.to_owned(),
        urgency: Some("high".to_owned()),
        received_at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
        encryption: None,
        body: body.to_vec(),
    }
}

fn open(dir: &TempDir, limits: Limits) -> Arc<Spool> {
    Arc::new(Spool::open(dir.path(), limits).unwrap())
}

/// Takes all that waits for a subscription, in order.
async fn take_all(spool: &Arc<Spool>, subscription: &str) -> Vec<Message> {
    let mut taken = Vec::new();
    while spool.waiting_for(subscription) > 0 {
        let entry = within(spool.first(subscription)).await;
        taken.extend(spool.read(subscription, entry).await.unwrap());
        spool.remove(subscription, entry).await.unwrap();
    }
    taken
}

#[tokio::test]
async fn messages_come_back_in_their_order_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let raw = Encryption { encoding: Some("aesgcm".into()), salt: Some("s".into()), key: Some("k".into()) };
    let mut encrypted = message("b", "4", b"\n{\x00\xff");
    encrypted.encryption = Some(raw);
    let told = vec![message("a", "1", b"one"), message("b", "2", b""), message("a", "3", &[b'x'; 5000])];
    let spool = open(&dir, Limits::default());
    spool.put(told.clone()).await.unwrap();
    spool.put(vec![encrypted.clone()]).await.unwrap();
    let waiting = spool.waiting();
    assert_eq!(waiting.messages, 4);
    drop(spool);

    let spool = open(&dir, Limits::default());
    assert_eq!(spool.waiting(), waiting);
    assert_eq!(take_all(&spool, "a").await, [told[0].clone(), told[2].clone()]);
    spool.put(vec![message("b", "5", b"later")]).await.unwrap();
    assert_eq!(take_all(&spool, "b").await, [told[1].clone(), encrypted, message("b", "5", b"later")]);
    assert_eq!(spool.waiting(), Waiting::default());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the lock is left");
}

#[tokio::test]
async fn what_waits_already_is_not_put_again() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir, Limits::default());
    for _ in 0..2 {
        spool.put(vec![message("a", "1", b"x")]).await.unwrap();
    }
    drop(spool);
    let spool = open(&dir, Limits::default());
    spool.put(vec![message("a", "1", b"x"), message("b", "1", b"y")]).await.unwrap();
    assert_eq!((spool.waiting_for("a"), spool.waiting_for("b")), (1, 1));
    take_all(&spool, "a").await;
    spool.put(vec![message("a", "1", b"x")]).await.unwrap();
    assert_eq!(spool.waiting_for("a"), 1, "the service may call another message the same, later");
}

#[tokio::test]
async fn a_full_spool_has_room_again_when_a_message_leaves() {
    let limits = [Limits { messages: 2, ..Limits::default() }, Limits { bytes: 2500, ..Limits::default() }];
    for limits in limits {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(&dir, limits);
        within(spool.room()).await;
        spool.put(vec![message("a", "1", &[0; 1500]), message("a", "2", &[0; 1500])]).await.unwrap();
        assert_eq!(spool.free(), 0, "{limits:?}");
        let waits = {
            let spool = Arc::clone(&spool);
            tokio::spawn(async move { spool.room().await })
        };
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        let first = spool.first("a").await;
        spool.remove("a", first).await.unwrap();
        within(waits).await.unwrap();
        assert!(spool.free() > 0);
    }
}

#[tokio::test]
async fn a_worker_is_woken_by_what_comes_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir, Limits::default());
    let worker = {
        let spool = Arc::clone(&spool);
        tokio::spawn(async move { spool.first("a").await })
    };
    spool.put(vec![message("b", "1", b"x")]).await.unwrap();
    assert!(!worker.is_finished());
    spool.put(vec![message("a", "2", b"x")]).await.unwrap();
    let entry = within(worker).await.unwrap();
    assert_eq!(spool.read("a", entry).await.unwrap().unwrap().id, "2");
}

#[tokio::test]
async fn what_is_too_old_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir, Limits { age: Duration::from_secs(60), ..Limits::default() });
    let mut young = message("a", "2", b"young");
    young.received_at += Duration::from_secs(61);
    spool.put(vec![message("a", "1", b"old"), young.clone(), message("b", "3", b"old")]).await.unwrap();
    let now = young.received_at + Duration::from_secs(1);
    let expired = spool.expire(now).await.unwrap();
    assert_eq!(expired, BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 1)]));
    assert_eq!(take_all(&spool, "a").await, [young]);
}

#[tokio::test]
async fn damage_costs_one_message_and_a_crash_while_writing_none() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir, Limits::default());
    let good = message("a", "9", b"good");
    let bodies = ["cut", "garbled"].map(|id| message("a", id, b"body"));
    spool.put(bodies.to_vec()).await.unwrap();
    spool.put(vec![good.clone()]).await.unwrap();
    let cut = file::path(dir.path(), 1);
    let content = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &content[..content.len() - 1]).unwrap();
    std::fs::write(file::path(dir.path(), 2), b"nonsense").unwrap();
    std::fs::write(dir.path().join("00000000000000000007.new"), b"half").unwrap();
    std::fs::write(dir.path().join("README"), b"by hand").unwrap();
    // While it runs, and at a start.
    let first = spool.first("a").await;
    assert_eq!(spool.read("a", first).await.unwrap(), None);
    drop(spool);
    let spool = open(&dir, Limits::default());
    assert_eq!(take_all(&spool, "a").await, [good]);
    let mut left: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["00000000000000000001.damaged", "00000000000000000002.damaged", "README", "lock"]);
}

#[tokio::test]
async fn a_spool_has_one_process_and_a_private_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("below/spool");
    let spool = Spool::open(&path, Limits::default()).unwrap();
    assert!(matches!(Spool::open(&path, Limits::default()), Err(SpoolError::InUse(_))));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    drop(spool);
    Spool::open(&path, Limits::default()).unwrap();
    std::fs::write(dir.path().join("file"), b"").unwrap();
    let refused = Spool::open(&dir.path().join("file"), Limits::default());
    assert!(matches!(refused, Err(SpoolError::Directory { .. })));
}

#[tokio::test]
async fn a_message_that_can_not_be_written_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(&dir, Limits::default());
    // A directory is in the way of the second message.
    std::fs::create_dir(dir.path().join("00000000000000000002.new")).unwrap();
    let put = spool.put(vec![message("a", "1", b"x"), message("a", "2", b"y")]).await;
    assert!(matches!(put, Err(SpoolError::Write(_))));
    // Nothing was promised; both are put again by whoever still has them.
    spool.put(vec![message("a", "1", b"x"), message("a", "2", b"y")]).await.unwrap();
    let bodies: Vec<Vec<u8>> = take_all(&spool, "a").await.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, [b"x", b"y"]);
}
