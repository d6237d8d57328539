use super::*;
use crate::testing::{channel, message, retention, subscribe};

const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

#[test]
fn a_file_of_a_later_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push.sqlite");
    drop(SqliteStorage::open(&path, retention()).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(SqliteStorage::open(&path, retention()), Err(OpenError::Newer { found: 99, known: 1 })));
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

#[tokio::test]
async fn a_failing_transaction_is_unavailable_for_all_in_it_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("push.sqlite");
    let storage = SqliteStorage::open(&path, retention()).unwrap();
    let subscription = subscribe(&storage, AgentId::random().unwrap(), channel(1), NOW).await;
    let saboteur = Connection::open(&path).unwrap();
    saboteur
        .execute_batch(
            "CREATE TRIGGER fail BEFORE INSERT ON message WHEN NEW.body = CAST('bad' AS BLOB)
             BEGIN SELECT RAISE(ABORT, 'disk full'); END;",
        )
        .unwrap();
    let stored = storage.store(message(&subscription, "bad", NOW), NOW).await;
    assert!(matches!(stored, Err(crate::storage::StorageError::Unavailable(_))), "{stored:?}");
    assert_eq!(storage.totals().messages, 0);

    let stored = storage.store(message(&subscription, "good", NOW), NOW).await;
    assert!(matches!(stored, Ok(Stored::Kept(_))));
    assert_eq!(storage.totals().messages, 1);
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

#[test]
fn the_cache_is_bounded() {
    let cache = SubscriptionCache::new(10);
    for number in 0..100 {
        let id = SubscriptionId::from_bytes([number; 16]);
        let agent = AgentId::from_bytes([number; 16]);
        cache.insert(Arc::new(Subscription { id, agent, channel: channel(number), restricted_to: None }));
        assert!(cache.find(id).is_some());
    }
    let found = (0..100).filter(|number| cache.find(SubscriptionId::from_bytes([*number; 16])).is_some());
    assert_eq!(found.count(), 10);
}
