use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::round;
use crate::sqlite::uint;
use crate::store::now;
use crate::testing::{Home, message};
use crate::{Error, ModSeq, UnixTime};

const DAY: i64 = 24 * 3600;

async fn round_after(home: &Home, days: i64) {
    round(home.store.inner(), UnixTime(now().0 + days * DAY)).await.unwrap();
}

async fn count(home: &Home, table: &'static str) -> u64 {
    let text = format!("SELECT count(*) FROM {table}");
    let read = home.store.inner().read(move |sql| sql.one("count", &text, [], |row| uint(row, 0)));
    read.await.unwrap().unwrap()
}

fn files(home: &Home) -> Vec<String> {
    let listed = home.store.inner().files().files().unwrap();
    listed.into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn a_reader_from_before_the_horizon_is_told_so() {
    let home = Home::new().await.unwrap();
    let first = home.append("Subject: 1\r\n\r\n").await.unwrap();
    let before = home.store.modseq(&home.alice).await.unwrap();
    home.expunge(&first).await.unwrap();
    let after = home.store.modseq(&home.alice).await.unwrap();
    for (days, complete) in [(0, true), (29, true), (31, false)] {
        round_after(&home, days).await;
        let log = home.store.changes_since(&home.alice, before, 10).await.unwrap();
        assert_eq!(
            (log.complete, log.memberships.len()),
            (complete, usize::from(complete)),
            "after {days} days"
        );
        let mailbox = home.store.mailbox_changes(&home.alice, first.mailbox, before).await.unwrap();
        assert_eq!((mailbox.complete, mailbox.vanished.len()), (complete, usize::from(complete)));
        assert!(home.store.changes_since(&home.alice, after, 10).await.unwrap().complete);
    }
    assert!(!home.store.changes_since(&home.alice, ModSeq(0), 10).await.unwrap().complete);
    let view = home.store.view(&home.alice, first.mailbox).await.unwrap();
    assert!(view.entries.is_empty());
}

#[tokio::test]
async fn more_tombstones_than_one_step_takes_are_all_pruned() {
    let home = Home::new().await.unwrap();
    for _ in 0..2 {
        let many = (0..600).map(|_| message("Subject: x\r\n\r\n")).collect();
        let placed = home.store.append_many(&home.alice, many).await.unwrap().0;
        let uids = placed.iter().map(|placed| placed.uid).collect();
        let delete = crate::FlagChange { add: crate::Flags::DELETED, ..crate::FlagChange::default() };
        let inbox = placed[0].mailbox;
        let _ = home.store.store_flags(&home.alice, inbox, uids, delete, None).await.unwrap();
        let _ = home.store.expunge(&home.alice, inbox, None).await.unwrap();
    }
    assert_eq!(count(&home, "expunged").await, 1200);
    round_after(&home, 31).await;
    assert_eq!(count(&home, "expunged").await, 0);
}

#[tokio::test]
async fn free_content_is_kept_for_a_day_and_can_come_back_meanwhile() {
    let home = Home::new().await.unwrap();
    let (small, large) = ("Subject: s\r\n\r\n", "y".repeat(300_000));
    for text in [small, &large] {
        let placed = home.append(text).await.unwrap();
        home.expunge(&placed).await.unwrap();
    }
    round_after(&home, 0).await;
    assert_eq!((count(&home, "blob").await, files(&home).len()), (2, 1));
    let back = home.append(&large).await.unwrap();
    round_after(&home, 2).await;
    assert_eq!((count(&home, "blob").await, count(&home, "blob_data").await, files(&home).len()), (1, 0, 1));
    assert_eq!(home.store.raw(&home.alice, back.message).await.unwrap(), large);
    home.expunge(&back).await.unwrap();
    round_after(&home, 2).await;
    assert_eq!((count(&home, "blob").await, files(&home)), (0, vec![]));
}

#[tokio::test]
async fn a_gone_account_leaves_nothing_behind() {
    let home = Home::new().await.unwrap();
    let mail = "Subject: s\r\nMessage-ID: <1@x>\r\n\r\n";
    let placed = home.append(mail).await.unwrap();
    home.append(mail).await.unwrap();
    home.expunge(&placed).await.unwrap();
    home.store.remove_account(home.alice.owner()).await.unwrap();
    assert!(matches!(home.append(mail).await, Err(Error::NotFound("account"))));
    round_after(&home, 2).await;
    for table in [
        "account",
        "account_name",
        "account_gone",
        "credential",
        "mailbox",
        "mailbox_gone",
        "subscribed",
        "keyword",
        "membership",
        "expunged",
        "message",
        "thread_key",
        "blob",
        "blob_data",
        "push_subscription",
    ] {
        assert_eq!(count(&home, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_thread_is_forgotten_with_its_last_message() {
    let home = Home::new().await.unwrap();
    let mail = "Subject: s\r\nMessage-ID: <1@x>\r\nReferences: <0@x>\r\n\r\n";
    let (first, second) = (home.append(mail).await.unwrap(), home.append(mail).await.unwrap());
    for (placed, keys) in [(first, 2), (second, 0)] {
        home.expunge(&placed).await.unwrap();
        round_after(&home, 0).await;
        assert_eq!(count(&home, "thread_key").await, keys);
    }
}

#[tokio::test]
async fn a_file_that_no_row_names_is_removed_once_it_is_old() {
    let home = Home::new().await.unwrap();
    let path = |name: &str| home.directory.path().join("blobs/00").join(name);
    for name in ["old", "new"] {
        fs::write(path(name), "left over").unwrap();
    }
    let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
    File::options().write(true).open(path("old")).unwrap().set_modified(two_days_ago).unwrap();
    assert_eq!(home.store.check().await.unwrap().problems, ["no blob has the file 00/old"]);
    round_after(&home, 0).await;
    assert_eq!(files(&home), ["00/new"]);
}
