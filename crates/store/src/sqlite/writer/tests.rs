use std::collections::BTreeSet;
use std::sync::mpsc;

use proptest::prelude::prop;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use tokio::runtime::Runtime;

use super::{Pending, Tx, Writer};
use crate::sqlite::{Sql, int, schema, uint};
use crate::{AccountId, Error, Result, UnixTime};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Adds a row.
    Good,
    /// Adds a row, then is refused.
    Refused,
    /// Adds a row, then a statement of it fails.
    Broken,
    /// Adds a row, then has the database roll everything back.
    Spoils,
}

struct Home {
    runtime: Runtime,
    directory: tempfile::TempDir,
    writer: Writer,
    bus: bus::Bus,
}

fn home() -> Home {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(schema::FILE_NAME);
    let Ok(connection) = schema::open_writer(&file) else { panic!("no writer") };
    connection.execute_batch("CREATE TABLE note (number INTEGER NOT NULL PRIMARY KEY) STRICT").unwrap();
    let bus = bus::Bus::new();
    let Ok((writer, _)) = Writer::start(connection, &file, bus.clone(), || UnixTime(1)) else {
        panic!("no thread")
    };
    Home { runtime: Runtime::new().unwrap(), directory, writer, bus }
}

fn note(tx: &Tx<'_>, number: u64, kind: Kind) -> Result<u64> {
    tx.sql.run("note", "INSERT INTO note (number) VALUES (?1)", [int(number)])?;
    tx.touch(AccountId(number));
    match kind {
        Kind::Good => Ok(number),
        Kind::Refused => Err(Error::OverQuota),
        Kind::Broken => {
            tx.sql.run("break", "INSERT INTO note (number) VALUES (?1)", [int(number)]).map(|_| number)
        }
        Kind::Spoils => {
            // What a full disk does inside of a statement.
            tx.sql.0.execute_batch("ROLLBACK").unwrap();
            Err(Error::Unavailable("spoilt".into()))
        }
    }
}

/// Gives the writer a request that lasts until the sender is dropped, and waits until it is at it.
async fn keep_busy(writer: &Writer) -> (mpsc::Sender<()>, Pending<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let (begun, is_busy) = mpsc::channel();
    let request = move |_: &Tx<'_>| {
        begun.send(()).unwrap();
        // An error is what is waited for: the sender is gone.
        let _ = wait.recv();
        Ok(())
    };
    let pending = writer.submit(request).await.unwrap();
    is_busy.recv().unwrap();
    (go, pending)
}

/// Has all of these wait while the writer is busy, so that they are one group.
fn in_one_group(home: &Home, kinds: &[Kind]) -> Vec<Result<u64>> {
    home.runtime.block_on(async {
        let (go, busy) = keep_busy(&home.writer).await;
        let mut pending: Vec<Pending<u64>> = Vec::new();
        for (number, kind) in (1..).zip(kinds.iter().copied()) {
            pending.push(home.writer.submit(move |tx| note(tx, number, kind)).await.unwrap());
        }
        drop(go);
        busy.outcome().await.unwrap();
        let mut outcomes = Vec::new();
        for one in pending {
            outcomes.push(one.outcome().await);
        }
        outcomes
    })
}

fn notes(home: &Home) -> BTreeSet<u64> {
    let connection = schema::open_reader(&home.directory.path().join(schema::FILE_NAME)).unwrap();
    let rows = Sql(&connection).all("notes", "SELECT number FROM note", [], |row| uint(row, 0)).unwrap();
    rows.into_iter().collect()
}

#[test]
fn in_a_group_each_request_has_its_own_outcome_and_only_the_good_ones_stay() {
    let kind = prop::sample::select(vec![Kind::Good, Kind::Good, Kind::Refused, Kind::Broken, Kind::Spoils]);
    let kinds = prop::collection::vec(kind, 0..30);
    let config =
        Config { cases: 24, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&kinds, |kinds| {
            let home = home();
            let mut tap = home.bus.tap();
            let outcomes = in_one_group(&home, &kinds);
            let mut good = BTreeSet::new();
            for ((number, kind), outcome) in (1..).zip(&kinds).zip(outcomes) {
                match kind {
                    Kind::Good => {
                        assert_eq!(outcome.unwrap(), number);
                        good.insert(number);
                    }
                    Kind::Refused => assert!(matches!(outcome, Err(Error::OverQuota))),
                    Kind::Broken => assert!(matches!(outcome, Err(Error::Bug(_)))),
                    Kind::Spoils => assert!(matches!(outcome, Err(Error::Unavailable(_)))),
                }
            }
            assert_eq!(notes(&home), good);
            if !good.is_empty() {
                let woken = home.runtime.block_on(tap.woken());
                assert_eq!(woken, good, "those whose requests stayed are woken, and no others");
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_commit_that_fails_is_answered_unavailable_to_all_of_its_group() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(schema::FILE_NAME);
    let Ok(connection) = schema::open_writer(&file) else { panic!("no writer") };
    // A deferred constraint is looked at by COMMIT: a way to have it fail on a healthy disk.
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON; CREATE TABLE note (number INTEGER NOT NULL PRIMARY KEY) STRICT; \
             CREATE TABLE child (number INTEGER NOT NULL REFERENCES note (number) DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
    let bus = bus::Bus::new();
    let Ok((writer, _)) = Writer::start(connection, &file, bus.clone(), || UnixTime(1)) else {
        panic!("no thread")
    };
    let home = Home { runtime: Runtime::new().unwrap(), directory, writer, bus };
    let outcomes = home.runtime.block_on(async {
        let (go, busy) = keep_busy(&home.writer).await;
        let good = home.writer.submit(|tx| note(tx, 1, Kind::Good)).await.unwrap();
        let orphan = home
            .writer
            .submit(|tx| tx.sql.run("orphan", "INSERT INTO child (number) VALUES (99)", []))
            .await
            .unwrap();
        drop(go);
        busy.outcome().await.unwrap();
        [good.outcome().await.map(|_| ()), orphan.outcome().await.map(|_| ())]
    });
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::Unavailable(_)))), "{outcomes:?}");
    assert_eq!(notes(&home), [].into());
    // The writer goes on.
    let next = home.runtime.block_on(async {
        home.writer.submit(|tx| note(tx, 2, Kind::Good)).await.unwrap().outcome().await.unwrap()
    });
    assert_eq!((next, notes(&home)), (2, [2].into()));
}
