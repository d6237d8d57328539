use rusqlite::Connection;

use super::{FILE_NAME, known_version};
use crate::{OpenError, Options, Store};

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
