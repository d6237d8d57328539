use std::io;
use std::sync::{Arc, Mutex};

use store::{AccountId, Changes, MailboxId, MessageId, ModSeq, Placed, ThreadId, Uid, UidValidity};

use super::*;
use crate::content::ContentError;

/// What is logged while `work` runs.
fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Log {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

fn stored_as(account: u64, modseq: u64) -> Result<Delivered, Failure> {
    let placed = Placed {
        mailbox: MailboxId(1),
        uid_validity: UidValidity(1),
        uid: Uid(1),
        message: MessageId(1),
        thread: ThreadId(1),
    };
    Ok(Delivered { placed, changes: Changes { account: AccountId(account), modseq: ModSeq(modseq) } })
}

fn failed(error: delivery::Error) -> Result<Delivered, Failure> {
    Err(Failure::Delivery(error))
}

#[test]
fn a_transaction_is_one_info_line_that_says_how_it_ended() {
    let unavailable = || Arc::new(store::Error::Unavailable("disk full".into()));
    for (outcomes, expected, level_of_the_cause) in [
        (vec![stored_as(3, 17), stored_as(5, 2)], "outcome=\"delivered\" recipients=2 delivered=2", None),
        (
            vec![failed(delivery::Error::UnknownRecipient), stored_as(5, 2)],
            "outcome=\"partly\" recipients=2 delivered=1",
            Some("DEBUG"),
        ),
        (
            vec![failed(delivery::Error::Unavailable(unavailable()))],
            "outcome=\"unavailable\" recipients=1 delivered=0",
            Some("WARN"),
        ),
        (vec![failed(delivery::Error::NoOutcome)], "outcome=\"bug\" recipients=1 delivered=0", Some("ERROR")),
        (
            vec![Err(Failure::Content(ContentError::TooLarge))],
            "outcome=\"refused\" recipients=1 delivered=0",
            Some("DEBUG"),
        ),
    ] {
        let log = logged(|| transaction("1a.2.3", 4096, &outcomes, Duration::from_millis(2)));
        let lines: Vec<&str> = log.lines().collect();
        assert!(lines[0].contains(" INFO ") && lines[0].contains("lmtp.transaction"), "{log}");
        assert!(lines[0].contains(expected) && lines[0].contains("size=4096 duration_us=2000"), "{log}");
        assert!(lines[0].contains("transaction=\"1a.2.3\""), "{log}");
        assert_eq!(lines.get(1).and_then(|line| line.split_whitespace().next()), level_of_the_cause, "{log}");
    }
}

#[test]
fn the_line_joins_the_log_of_the_pushes_by_account_and_modseq_and_stays_short() {
    let few = logged(|| transaction("1", 1, &[stored_as(3, 17), stored_as(5, 2)], Duration::ZERO));
    assert!(few.contains("stored=\"3:17 5:2\""), "{few}");
    let many: Vec<_> = (0..1000).map(|account| stored_as(account, 1)).collect();
    let line = logged(|| transaction("1", 1, &many, Duration::ZERO));
    assert!(line.contains("recipients=1000 delivered=1000") && line.len() < 400, "{line}");
}
