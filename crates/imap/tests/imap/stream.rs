//! What must hold for any bytes that a client sends: the fuzz target `imap`, and the replay of its corpus.

use bytes::{Bytes, BytesMut};
use imap::wire::append::target;
use imap::wire::framer::{Event, FrameLimits, Framer};
use imap::wire::mailbox::Names;
use imap::wire::parse::parse;

/// However the bytes are cut, they are the same commands; none of them panics a parser, and what is rejected or
/// parsed has the same tag every time.
pub(crate) fn check(stream: &[u8]) {
    for appends in [Appends::Accepted, Appends::Refused] {
        let whole = events(stream, usize::MAX, appends);
        for size in [1, 7] {
            assert_eq!(events(stream, size, appends), whole, "in pieces of {size}, {appends:?}");
        }
        for event in whole {
            if let Event::Command(frame) = event {
                check_command(&frame);
            }
        }
    }
}

/// What becomes of the literals of APPEND.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Appends {
    Accepted,
    Refused,
}

fn check_command(frame: &Bytes) {
    for names in [Names::ModifiedUtf7, Names::Utf8] {
        match parse(frame, names) {
            Ok(request) => {
                let tag = request.tag.as_bytes();
                assert!(frame.starts_with(tag) && !tag.is_empty());
                assert!(!request.command.name().is_empty());
            }
            Err(bad) => {
                let text = bad.to_string();
                assert!(!text.contains(['\r', '\n']), "{text:?} is one line");
            }
        }
    }
}

fn events(stream: &[u8], size: usize, appends: Appends) -> Vec<Event> {
    let limits = FrameLimits { line_bytes: 300, literal_bytes: 200, append_bytes: 400, discard_bytes: 2_000 };
    let mut framer = Framer::default();
    let mut input = BytesMut::new();
    let mut found = Vec::new();
    for piece in stream.chunks(size.min(stream.len().max(1))) {
        input.extend_from_slice(piece);
        while let Some(mut event) = framer.poll(&mut input, &limits) {
            if matches!(event, Event::Append(_)) {
                assert!(framer.head(&input).ends_with(b"\n"));
                let _ = target(&Bytes::copy_from_slice(framer.head(&input)), Names::Utf8);
                if appends == Appends::Refused {
                    let Some(refused) = framer.refuse(&mut input, &limits) else { continue };
                    event = refused;
                }
            }
            let is_fatal = matches!(event, Event::Fatal(_));
            found.push(event);
            if is_fatal {
                return found;
            }
        }
    }
    found
}
