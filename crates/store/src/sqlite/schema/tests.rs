use rusqlite::{Connection, OptionalExtension, StatementStatus, params};

use super::{FILE_NAME, MIGRATIONS, known_version, open_reader, open_writer};
use crate::{AccountId, MessageId, OpenError, Options, PushKind, Store};

async fn open(directory: &tempfile::TempDir) -> Result<Store, OpenError> {
    Store::open(Options { data_dir: directory.path().join("data"), readers: 1 }, bus::Bus::new()).await
}

#[tokio::test]
async fn a_store_that_is_newer_than_the_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory).await.unwrap().close().await.unwrap();
    let connection = Connection::open(directory.path().join("data").join(FILE_NAME)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let refused = open(&directory).await;
    assert!(matches!(refused, Err(OpenError::Newer { found: 99, known }) if known == known_version()));
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("data")).unwrap();
    std::fs::write(directory.path().join("data").join(FILE_NAME), "this is a letter, not a database")
        .unwrap();
    let Err(refused) = open(&directory).await else { panic!("opened") };
    assert!(refused.to_string().contains("data"), "{refused}");
}

#[tokio::test]
async fn a_statement_is_prepared_once_whatever_is_bound_to_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory).await.unwrap().close().await.unwrap();
    let file = directory.path().join("data").join(FILE_NAME);
    for connection in [open_writer(&file).ok().unwrap(), open_reader(&file).unwrap()] {
        let mut statement = connection.prepare("SELECT id FROM account ORDER BY id LIMIT ?1").unwrap();
        for limit in [1, 50, 1000] {
            statement.query_row([limit], |_| Ok(())).optional().unwrap();
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}

#[tokio::test]
async fn several_may_make_the_same_store_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b, c) = tokio::join!(open(&directory), open(&directory), open(&directory));
    for store in [a, b, c] {
        assert_eq!(store.unwrap().epoch().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn every_table_is_strict_and_the_database_is_ours_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    open(&directory).await.unwrap().close().await.unwrap();
    let data = directory.path().join("data");
    let connection = Connection::open(data.join(FILE_NAME)).unwrap();
    let text = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'";
    let lax: u32 = connection.query_row(text, [], |row| row.get(0)).unwrap();
    assert_eq!(lax, 0);
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

/// Three messages in one mailbox: two share content in the database, one has a file; and content that is free.
const OLDER_ROWS: &str = "
    INSERT INTO account (name, created_at, modseq, horizon, used_bytes, quota_bytes, next_message_id, next_mailbox_id,
        last_uid_validity, salt) VALUES ('alice', 0, 3, 0, 18, NULL, 4, 2, 1, x'');
    INSERT INTO mailbox VALUES (1, 1, 'INBOX', 0, 1, 4, 3, 3, 3, 0, 18, 1, 1, 0, 0, '', 0);
    INSERT INTO blob_data VALUES (7, CAST('small' AS BLOB)), (9, CAST('free' AS BLOB));
    INSERT INTO message SELECT 1, value, iif(value = 2, 1, value), iif(value = 3, 8, 5), 0,
        (SELECT hash FROM blob WHERE (file_name <> '') = (value = 3) AND refs > 0), x'', x'', x''
        FROM json_each('[1, 2, 3]');
    INSERT INTO membership SELECT 1, 1, id, id, 0, 0, id, thread_id, size, 0, 0, id, 0, 0, 0, 0 FROM message;
    INSERT INTO credential (id, account_id, kind, name, scheme, hash, created_at) VALUES (1, 1, 0, 'main', 0, x'', 0);
    INSERT INTO push_subscription (account_id, credential_id, kind, client_id, endpoint, public_key, auth, enabled, state,
        vapid_key, token, token_expires_at, token_sent, acknowledged, updated_at, cursor, failures)
        VALUES (1, 1, 0, 'phone', 'https://push.example/1', x'', x'', '', 1, 'key', '', 0, 0, 1, 0, 3, 0);
    PRAGMA user_version = 2;";

#[tokio::test]
async fn content_of_an_older_store_is_there_after_the_migration() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let name = |content: &str| blake3::hash(content.as_bytes()).to_hex().to_string();
    let large = format!("{}/{}-0", &name("in a file")[..2], &name("in a file")[2..]);
    std::fs::create_dir_all(data.join("blobs").join(&large[..2])).unwrap();
    std::fs::write(data.join("blobs").join(&large), "in a file").unwrap();
    let connection = Connection::open(data.join(FILE_NAME)).unwrap();
    MIGRATIONS[..2].iter().for_each(|sql| connection.execute_batch(sql).unwrap());
    for (content, refs, data_id, file) in
        [("small", 2, 7, ""), ("free", 0, 9, ""), ("in a file", 1, 0, &*large)]
    {
        let hash = *blake3::hash(content.as_bytes()).as_bytes();
        let sql = "INSERT INTO blob VALUES (?1, ?2, 1, ?2 = 0, ?3, ?4)";
        connection.execute(sql, params![hash, refs, data_id, file]).unwrap();
    }
    connection.execute_batch(OLDER_ROWS).unwrap();
    drop(connection);

    let store = open(&directory).await.unwrap();
    assert_eq!(store.check().await.unwrap().problems, [""; 0]);
    let alice = store.system_access(AccountId(1));
    let subscriptions = store.push_subscriptions(&alice).await.unwrap();
    let kept: Vec<_> = subscriptions.iter().map(|s| (&*s.client_id, s.kind, &*s.request)).collect();
    assert_eq!(kept, [("phone", PushKind::ImapWebPush, "")]);
    for (message, content) in [(1, "small"), (2, "small"), (3, "in a file")] {
        assert_eq!(store.raw(&alice, MessageId(message)).await.unwrap(), content);
    }
}
