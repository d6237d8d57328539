//! The states of a session, without a socket and without a store.

use lmtp::session::Session;
use proptest::prelude::*;

use crate::stream::{check, session, session_of, settings};

/// The answers to a stream, and the sizes of the messages that would be delivered.
fn run(session: &mut Session, input: &[u8]) -> (String, Vec<usize>) {
    crate::stream::run(session, input, usize::MAX)
}

/// The codes of the answers, those of several lines counted once.
fn codes(answers: &str) -> Vec<u16> {
    let last_lines = answers.lines().filter(|line| line.as_bytes()[3] == b' ');
    last_lines.map(|line| line[..3].parse().unwrap()).collect()
}

#[test]
fn each_state_allows_its_commands_only() {
    const MAIL: &str = "MAIL FROM:<a@b>\r\n";
    for (input, expected) in [
        ("MAIL FROM:<a@b>\r\nRCPT TO:<a>\r\nDATA\r\nRSET\r\nNOOP\r\n", &[503, 503, 503, 250, 250][..]),
        ("BDAT 3\r\nabcNOOP\r\n", &[503, 250]),
        ("LHLO c\r\nRCPT TO:<a>\r\nDATA\r\n", &[250, 503, 503]),
        (&format!("LHLO c\r\n{MAIL}{MAIL}DATA\r\nSTARTTLS\r\n"), &[250, 250, 503, 503, 503]),
        (&format!("LHLO c\r\n{MAIL}RSET\r\nRCPT TO:<a>\r\n"), &[250, 250, 250, 503]),
        (&format!("LHLO c\r\n{MAIL}LHLO c\r\nRCPT TO:<a>\r\n{MAIL}"), &[250, 250, 250, 503, 250]),
        (&format!("LHLO c\r\n{MAIL}RCPT TO:<x>\r\nDATA\r\n"), &[250, 250, 550, 503]),
        (&format!("LHLO c\r\n{MAIL}RCPT TO:<x>\r\nBDAT 2 LAST\r\n\r\n"), &[250, 250, 550, 503]),
        (
            &format!("LHLO c\r\n{MAIL}RCPT TO:<a>\r\nBDAT 1\r\n.RCPT TO:<a>\r\nDATA\r\nBDAT 0 LAST\r\n"),
            &[250, 250, 250, 250, 503, 503, 250],
        ),
        (
            &format!(
                "LHLO c\r\n{MAIL}RCPT TO:<a>\r\nRCPT TO:<x>\r\nRCPT TO:<b>\r\nDATA\r\n\r\n.\r\nDATA\r\n"
            ),
            &[250, 250, 250, 550, 250, 354, 250, 250, 503],
        ),
        (
            "LHLO c\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a>\r\nDATA\r\nBDAT 1 LAST\r\n\0",
            &[250, 250, 250, 503, 250],
        ),
        ("LHLO c\r\nSTARTTLS\r\nMAIL FROM:<>\r\nSTARTTLS\r\nLHLO c\r\n", &[250, 220, 503, 503, 250]),
        ("BDAT x\r\nNOOP\r\n", &[501]),
        ("QUIT\r\nNOOP\r\n", &[221]),
    ] {
        assert_eq!(codes(&run(&mut session(), input.as_bytes()).0), expected, "{input:?}");
    }
}

#[test]
fn a_message_over_the_limit_is_refused_for_each_recipient_and_the_stream_stays_in_step() {
    let start = "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nRCPT TO:<b>\r\n";
    let lines = format!("{}\r\n", "y".repeat(58));
    for (content, expected, messages) in [
        (format!("DATA\r\n{lines}.\r\nNOOP\r\n"), &[354, 250, 250, 250][..], &[60][..]),
        (format!("DATA\r\n{lines}{lines}.\r\nNOOP\r\n"), &[354, 552, 552, 250], &[]),
        (format!("BDAT 60\r\n{lines}BDAT 60 LAST\r\n{lines}NOOP\r\n"), &[250, 552, 552, 250], &[]),
        (format!("BDAT 120\r\n{lines}{lines}BDAT 0 LAST\r\nNOOP\r\n"), &[552, 552, 552, 250], &[]),
        (
            format!("BDAT 60\r\n{lines}BDAT 40 LAST\r\n{}NOOP\r\n", &lines[..40]),
            &[250, 250, 250, 250],
            &[100],
        ),
        (format!("BDAT 120 LAST\r\n{lines}{lines}NOOP\r\n"), &[552, 552, 250], &[]),
    ] {
        let (answers, delivered) = run(&mut session(), format!("{start}{content}").as_bytes());
        assert_eq!(codes(&answers)[4..], *expected, "{content:?}");
        assert_eq!(delivered, messages, "{content:?}");
    }
}

#[test]
fn what_all_sessions_hold_together_is_bounded_and_given_back() {
    let content = "y".repeat(80);
    let open = format!("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nBDAT 80\r\n{content}");
    let settings = settings();
    let mut first = session_of(settings.clone());
    let mut second = session_of(settings);
    assert_eq!(codes(&run(&mut first, open.as_bytes()).0)[3..], [250]);
    assert_eq!(codes(&run(&mut second, open.as_bytes()).0)[3..], [452], "80 of 150 are taken");
    assert_eq!(codes(&run(&mut second, b"BDAT 0 LAST\r\n").0), [452]);
    drop(first);
    assert_eq!(codes(&run(&mut second, open.as_bytes()).0)[3..], [250]);
    assert_eq!(codes(&run(&mut second, b"BDAT 0 LAST\r\n").0), [250]);
    assert_eq!(codes(&run(&mut second, open.as_bytes()).0)[3..], [250], "delivery gave its part back");
}

#[test]
fn recipients_and_declared_sizes_over_the_limit_are_refused_at_once() {
    let start = "LHLO c\r\nMAIL FROM:<>\r\n";
    let four = "RCPT TO:<a>\r\n".repeat(4);
    assert_eq!(codes(&run(&mut session(), format!("{start}{four}").as_bytes()).0)[2..], [250, 250, 250, 452]);
    let declared = "LHLO c\r\nMAIL FROM:<> SIZE=101\r\nMAIL FROM:<> SIZE=100\r\n";
    assert_eq!(codes(&run(&mut session(), declared.as_bytes()).0), [250, 552, 250]);
}

#[test]
fn non_ascii_addresses_need_smtputf8() {
    let without = "LHLO c\r\nMAIL FROM:<ä@b>\r\nMAIL FROM:<>\r\nRCPT TO:<ä>\r\nRCPT TO:<a@ä>\r\n";
    assert_eq!(codes(&run(&mut session(), without.as_bytes()).0), [250, 553, 250, 553, 553]);
    let with = "LHLO c\r\nMAIL FROM:<ä@b> SMTPUTF8\r\nRCPT TO:<ä>\r\n";
    assert_eq!(codes(&run(&mut session(), with.as_bytes()).0), [250, 250, 250]);
}

#[test]
fn the_twentieth_protocol_error_ends_the_connection_and_unknown_recipients_do_not() {
    let (answers, _) = run(&mut session(), "FOO\r\n".repeat(30).as_bytes());
    let answers = codes(&answers);
    assert_eq!((answers.len(), answers.last()), (20, Some(&421)));
    assert!(answers[..19].iter().all(|code| *code == 500));
    let guesses = format!("LHLO c\r\nMAIL FROM:<>\r\n{}", "RCPT TO:<x>\r\n".repeat(100));
    assert_eq!(codes(&run(&mut session(), guesses.as_bytes()).0).last(), Some(&550));
}

proptest! {
    /// RFC 2033 §4.2, as a model: after content there are as many replies as recipients that were accepted.
    #[test]
    fn there_is_one_reply_for_each_accepted_recipient(
        recipients in proptest::collection::vec(any::<bool>(), 0..3), by_data in any::<bool>(),
    ) {
        let mut input = "LHLO c\r\nMAIL FROM:<>\r\n".to_owned();
        for accepted in &recipients {
            input += if *accepted { "RCPT TO:<a>\r\n" } else { "RCPT TO:<x>\r\n" };
        }
        let accepted = recipients.iter().filter(|accepted| **accepted).count();
        if by_data {
            // Without 354 the client sends no content.
            input += if accepted > 0 { "DATA\r\n.\r\n" } else { "DATA\r\n" };
        } else {
            input += "BDAT 1 LAST\r\n.";
        }
        let answers = codes(&run(&mut session(), input.as_bytes()).0);
        let content_answers = &answers[2 + recipients.len()..];
        if accepted == 0 {
            prop_assert_eq!(content_answers, [503]);
        } else {
            let replies = &content_answers[usize::from(by_data)..];
            prop_assert_eq!(replies, vec![250; accepted]);
        }
    }

    #[test]
    fn any_stream_is_answered_the_same_however_it_is_cut(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("LHLO c\r\n"), Just("MAIL FROM:<a@b>\r\n"), Just("RCPT TO:<a>\r\n"), Just("RCPT TO:<x>\r\n"),
                Just("DATA\r\n"), Just("\r\n.\r\n"), Just("BDAT 5\r\n"), Just("BDAT 2 LAST\r\n"), Just("RSET\r\n"),
                Just("STARTTLS\r\n"), Just("x\0\n"), Just("..\r\n"), Just("QUIT\r\n"),
            ],
            0..30,
        ),
    ) {
        check(parts.concat().as_bytes());
    }
}
