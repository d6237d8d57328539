//! What must hold for any bytes that a client sends: the fuzz target `imap`, and the replay of its corpus.

use bytes::{Bytes, BytesMut};
use imap::wire::framer::{Event, FrameLimits, Framer};
use imap::wire::mailbox::Names;
use imap::wire::parse::parse;

/// However the bytes are cut, they are the same commands; none of them panics a parser, and what is rejected or
/// parsed has the same tag every time.
pub(crate) fn check(stream: &[u8]) {
    let whole = events(stream, usize::MAX);
    for size in [1, 7] {
        assert_eq!(events(stream, size), whole, "in pieces of {size}");
    }
    for event in whole {
        if let Event::Command(frame) = event {
            check_command(&frame);
        }
    }
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

fn events(stream: &[u8], size: usize) -> Vec<Event> {
    let limits = FrameLimits { line_bytes: 300, literal_bytes: 200, append_bytes: 400, discard_bytes: 2_000 };
    let mut framer = Framer::default();
    let mut input = BytesMut::new();
    let mut found = Vec::new();
    for piece in stream.chunks(size.min(stream.len().max(1))) {
        input.extend_from_slice(piece);
        while let Some(event) = framer.poll(&mut input, &limits) {
            let is_fatal = matches!(event, Event::Fatal(_));
            found.push(event);
            if is_fatal {
                return found;
            }
        }
    }
    found
}
