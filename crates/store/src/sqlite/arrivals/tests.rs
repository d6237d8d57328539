use rusqlite::{Connection, StatementStatus, params};

use super::{arrivals, statement};
use crate::sqlite::Sql;
use crate::sqlite::schema::{FILE_NAME, open_writer};
use crate::{AccountId, ArrivalOrder, Arrivals, MailboxId, MessageId, UnixTime};

/// Mailbox 1 has `count` emails, two for each second; number 5 has `\Deleted`, and number 6 is there twice.
fn mailbox(directory: &tempfile::TempDir, count: u32) -> Connection {
    let connection = open_writer(&directory.path().join(FILE_NAME)).ok().unwrap();
    let rows = "INSERT INTO mailbox (account_id, id, name, special_use, uid_validity, uid_next, highest_modseq, messages, \
          unseen, deleted, size, modseq, created_modseq, credential_id, session_id, old_name, renamed_modseq) \
          VALUES (1, 1, 'INBOX', 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, '', 0); \
        INSERT INTO membership (account_id, mailbox_id, uid, message_id, flags_low, flags_high, modseq, thread_id, size, \
          received_at, saved_at, arrived_modseq, arrived_cause, cause, credential_id, session_id) \
        SELECT 1, 1, uid, iif(uid = 7, 6, uid), iif(uid = 5, 16, 0), 0, uid, uid, 10, iif(uid = 7, 6, uid) / 2, 0, uid, 0, 0, 0, 0 FROM uids;";
    let numbers = format!(
        "CREATE TEMP TABLE uids AS WITH RECURSIVE n (uid) AS (SELECT 1 UNION ALL SELECT uid + 1 FROM n WHERE uid < {count}) \
         SELECT uid FROM n;"
    );
    connection.execute_batch(&format!("{numbers} {rows}")).unwrap();
    connection
}

#[test]
fn pages_follow_each_other_in_both_orders() {
    let directory = tempfile::tempdir().unwrap();
    let connection = mailbox(&directory, 10);
    for (order, expected) in [
        (ArrivalOrder::NewestFirst, [10, 9, 8, 6, 4, 3, 2, 1]),
        (ArrivalOrder::OldestFirst, [1, 2, 3, 4, 6, 8, 9, 10]),
    ] {
        for limit in [1, 2, 3, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let wanted = Arrivals { mailbox: MailboxId(1), order, after, limit };
                let (page, more) = arrivals(Sql(&connection), AccountId(1), &wanted).unwrap();
                after = page.last().map(|place| (place.received_at, place.email));
                found.extend(page.into_iter().map(|place| place.email.0));
                if !more {
                    break;
                }
            }
            assert_eq!(found, expected, "{order:?} {limit}");
        }
    }
    let elsewhere = Arrivals {
        mailbox: MailboxId(2),
        order: ArrivalOrder::NewestFirst,
        after: Some((UnixTime(1), MessageId(1))),
        limit: 1,
    };
    assert!(arrivals(Sql(&connection), AccountId(1), &elsewhere).is_err());
}

#[test]
fn a_page_costs_the_same_in_a_small_and_in_a_large_mailbox() {
    for order in [ArrivalOrder::NewestFirst, ArrivalOrder::OldestFirst] {
        let steps = [100, 10_000].map(|count| {
            let directory = tempfile::tempdir().unwrap();
            let connection = mailbox(&directory, count);
            let mut statement = connection.prepare(&statement(order)).unwrap();
            let beginning = if order == ArrivalOrder::NewestFirst { i64::MAX } else { i64::MIN };
            let rows =
                statement.query_map(params![1, 1, beginning, beginning, 50], |_| Ok(())).unwrap().count();
            assert_eq!((rows, statement.get_status(StatementStatus::Sort)), (50, 0), "{order:?} {count}");
            statement.get_status(StatementStatus::VmStep)
        });
        assert_eq!(steps[0], steps[1], "{order:?}");
    }
}
