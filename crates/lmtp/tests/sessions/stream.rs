//! Octets through decoder and session, with a made-up delivery behind them. Shared with the fuzz target.

use delivery::{Address, Incoming, Peer, Recipient};
use lmtp::Budget;
use lmtp::reply::{Failure, write_outcomes};
use lmtp::session::{Action, Finished, Session, Settings, Tls};
use lmtp::wire::decoder::{Decoder, Step};
use store::{
    AccountId, Changes, Delivered, MailboxId, MessageId, ModSeq, Placed, ThreadId, Uid, UidValidity, UnixTime,
};

/// Any octets are a stream: it is answered the same however it is cut, every answer is well formed, and no message
/// is larger than allowed.
pub(crate) fn check(input: &[u8]) {
    let (answers, messages) = run(&mut session(), input, usize::MAX);
    assert_eq!(run(&mut session(), input, 1), (answers.clone(), messages.clone()));
    assert!(messages.iter().all(|size| *size <= MESSAGE_BYTES_MAX));
    for line in answers.split_terminator("\r\n") {
        let (code, rest) = line.split_at(3);
        assert!(code.bytes().all(|digit| digit.is_ascii_digit()) && rest.starts_with([' ', '-']), "{line:?}");
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
}

/// A session with small limits.
pub(crate) fn session() -> Session {
    session_of(settings())
}

pub(crate) fn session_of(settings: Settings) -> Session {
    Session::new(settings, Tls::Offered, Peer::Unix, "c".into())
}

pub(crate) fn settings() -> Settings {
    Settings {
        hostname: "host.example".into(),
        message_bytes_max: MESSAGE_BYTES_MAX as u64,
        recipients_max: 3,
        budget: Budget::new(150),
    }
}

/// Runs a stream, `cut` octets at a time, as a connection would: the answers, and the sizes of the messages that
/// would be delivered.
pub(crate) fn run(session: &mut Session, input: &[u8], cut: usize) -> (String, Vec<usize>) {
    let mut decoder = Decoder::default();
    let (mut output, mut messages) = (Vec::new(), Vec::new());
    let (mut start, mut end) = (0, 0);
    loop {
        let (used, step) = decoder.step(&input[start..end]);
        start += used;
        let action = match step {
            Step::More if end == input.len() => break,
            Step::More => {
                end = end.saturating_add(cut).min(input.len());
                continue;
            }
            Step::Content(octets) => {
                session.content(octets);
                continue;
            }
            Step::Line(line) => session.line(line, UnixTime(0)),
            Step::ContentEnd => session.content_end(),
        };
        match action {
            Action::Reply(reply) => reply.write(&mut output),
            Action::Resolve { address, .. } => session.resolved(resolve(&address)).write(&mut output),
            Action::Data(reply) => {
                reply.write(&mut output);
                decoder.expect_data();
            }
            Action::Chunk(size) => decoder.expect_chunk(size),
            Action::Deliver(finished) => {
                messages.extend(finished.message.as_ref().map(Incoming::content_bytes));
                write_outcomes(&outcomes(&finished), &mut output);
            }
            Action::StartTls(reply) => {
                reply.write(&mut output);
                session.encrypted();
            }
            Action::Close(reply) => {
                reply.write(&mut output);
                break;
            }
        }
    }
    (String::from_utf8(output).expect("replies are UTF-8"), messages)
}

/// What delivery would say of a recipient: those named `x...` are not there.
fn resolve(address: &Address) -> Result<Recipient, delivery::Error> {
    if address.local_part.starts_with('x') {
        return Err(delivery::Error::UnknownRecipient);
    }
    Ok(Recipient { account: AccountId(1), mailbox: None, quota_bytes: None })
}

fn outcomes(finished: &Finished) -> Vec<Result<Delivered, Failure>> {
    assert!(!finished.recipients.is_empty());
    let placed = Placed {
        mailbox: MailboxId(1),
        uid_validity: UidValidity(1),
        uid: Uid(1),
        message: MessageId(1),
        thread: ThreadId(1),
    };
    let changes = Changes { account: AccountId(1), modseq: ModSeq(7) };
    let outcome = |_| match &finished.message {
        Ok(_) => Ok(Delivered { placed, changes }),
        Err(error) => Err(Failure::Content(*error)),
    };
    finished.recipients.iter().map(outcome).collect()
}

const MESSAGE_BYTES_MAX: usize = 100;
