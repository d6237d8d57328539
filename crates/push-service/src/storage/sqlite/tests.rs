mod crashes;

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use rusqlite::{OptionalExtension, StatementStatus};

use super::*;
use crate::testing::{channel, message, retention, subscribe};

const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

#[test]
fn a_file_of_a_later_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push.sqlite");
    drop(SqliteStorage::open(&path, retention()).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(SqliteStorage::open(&path, retention()), Err(OpenError::Newer { found: 99, known: 5 })));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push.sqlite");
    std::fs::write(&path, "not a database, but long enough to be mistaken for the head of one").unwrap();
    assert!(matches!(SqliteStorage::open(&path, retention()), Err(OpenError::Sqlite(_))));
}

#[test]
fn commits_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    let connection = Connection::open(dir.path().join("push.sqlite")).unwrap();
    schema::prepare(&connection).unwrap();
    let pragma =
        |name| connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
    // 2 is FULL: in WAL mode the log is synced at each commit.
    assert_eq!(pragma("synchronous").unwrap(), rusqlite::types::Value::Integer(2));
    assert_eq!(pragma("journal_mode").unwrap(), rusqlite::types::Value::Text("wal".into()));
}

#[test]
fn a_statement_is_prepared_once_whatever_is_bound_to_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let connection = Connection::open(dir.path().join("push.sqlite")).unwrap();
    schema::prepare(&connection).unwrap();
    let mut statement = connection.prepare("SELECT id FROM message WHERE agent = ?1 LIMIT ?2").unwrap();
    for limit in [1, 50, 1000] {
        statement.query_row((&[7_u8][..], limit), |_| Ok(())).optional().unwrap();
    }
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
}

/// A trigger that fails every transaction that stores the body `bad`.
const SABOTAGE: &str = "
    CREATE TRIGGER fail BEFORE INSERT ON message WHEN NEW.body = CAST('bad' AS BLOB)
    BEGIN SELECT RAISE(ABORT, 'disk full'); END;";

async fn bodies(storage: &SqliteStorage, agent: AgentId) -> Vec<String> {
    let pending = storage.pending(Selection::all(agent), MessageId::START, 1000, NOW).await.unwrap();
    pending.iter().map(|message| String::from_utf8(message.content.body.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn a_job_that_fails_is_unavailable_and_fails_no_other_of_its_batch() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push.sqlite");
    let storage = SqliteStorage::open(&path, retention()).unwrap();
    let subscription = subscribe(&storage, AgentId::random().unwrap(), channel(1), NOW).await;
    let topics = AtomicU32::new(0);
    let saboteur = Connection::open(&path).unwrap();
    saboteur.execute_batch(SABOTAGE).unwrap();
    // While another process writes, the thread waits with the first job, and all others come into one batch.
    saboteur.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One with a topic goes to the file at once.
    let store = |text| {
        let topic = format!("topic-{}", topics.fetch_add(1, Relaxed)).parse().ok();
        storage.store(NewMessage { topic, ..message(&subscription, text, NOW) }, NOW)
    };
    let calls: Vec<_> = ["first", "1", "2", "bad", "3", "bad", "4"].into_iter().map(store).collect();
    saboteur.execute_batch("COMMIT").unwrap();
    let stored = futures_util::future::join_all(calls).await;

    let kept: Vec<_> = stored.iter().map(|stored| matches!(stored, Ok(Stored::Kept(_)))).collect();
    assert_eq!(kept, [true, true, true, false, true, false, true]);
    assert!(stored.iter().all(|stored| !matches!(stored, Ok(Stored::Gone | Stored::Full))));
    assert_eq!(bodies(&storage, subscription.agent).await, ["first", "1", "2", "3", "4"]);
    assert_eq!(storage.totals().messages, 5);
}

#[test]
fn a_file_of_version_1_keeps_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push.sqlite");
    let [agent, subscription, channel] = [[1_u8; 16], [2; 16], [3; 16]];
    let old = Connection::open(&path).unwrap();
    old.execute_batch(&schema::up_to(1)).unwrap();
    old.execute("UPDATE service SET last_id = 41", ()).unwrap();
    old.execute("INSERT INTO agent (id, seen) VALUES (?1, ?2)", (agent, NOW.micros())).unwrap();
    old.execute(
        "INSERT INTO subscription (id, agent, channel) VALUES (?1, ?2, ?3)",
        (subscription, agent, channel),
    )
    .unwrap();
    old.execute(
        "INSERT INTO message (id, agent, subscription, topic, urgency, expires, encoding, body)
         VALUES (41, ?1, ?2, 'upd', 3, ?3, 1, ?4)",
        (agent, subscription, NOW.plus_seconds(60).micros(), b"from before"),
    )
    .unwrap();
    drop(old);

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let storage = SqliteStorage::open(&path, retention()).unwrap();
    assert_eq!(storage.totals(), Totals { agents: 1, subscriptions: 1, messages: 1 });
    let [agent, id] = [AgentId::from_bytes(agent), AgentId::from_bytes(subscription)];
    let subscription = SubscriptionId::from_bytes(*id.bytes());
    runtime.block_on(async {
        let found = storage.subscription(subscription).await.unwrap().unwrap();
        assert_eq!((found.agent, found.channel), (agent, ChannelId::from_bytes(channel)));
        let kept = storage.store(message(&found, "new", NOW), Instant::from_micros(1)).await.unwrap();
        assert_eq!(kept, Stored::Kept(MessageId::from_number(42)));
        assert_eq!(bodies(&storage, agent).await, ["from before", "new"]);
        assert_eq!(storage.acknowledge(agent, vec![MessageId::from_number(41)]).await.unwrap(), 1);
    });
    drop(storage);
    let version: i64 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 5);
}

#[tokio::test]
async fn the_subscription_of_a_push_is_found_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push.sqlite");
    let storage = SqliteStorage::open(&path, retention()).unwrap();
    let subscription = subscribe(&storage, AgentId::random().unwrap(), channel(1), NOW).await;
    assert_eq!(storage.cache.find(subscription.id), Some(Arc::clone(&subscription)));
    drop(storage);

    let storage = SqliteStorage::open(&path, retention()).unwrap();
    assert_eq!(storage.cache.find(subscription.id), None);
    storage.subscription(subscription.id).await.unwrap().unwrap();
    assert_eq!(storage.cache.find(subscription.id), Some(Arc::clone(&subscription)));
    storage.unregister(subscription.agent, subscription.channel).await.unwrap();
    assert_eq!(storage.cache.find(subscription.id), None);
}
