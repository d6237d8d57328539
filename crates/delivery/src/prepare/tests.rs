use proptest::prelude::*;
use store::UnixTime;

use super::*;
use crate::{Peer, Protocol, Trace};

fn incoming(content: &[u8], body: BodyType) -> Incoming {
    let trace = Trace {
        reverse_path: None,
        hostname: "host.example",
        client: "client.example",
        peer: Peer::Unix,
        protocol: Protocol::Lmtp,
        id: "1",
        received_at: UnixTime(0),
    };
    let mut incoming = Incoming::new(&trace, body);
    incoming.push(content);
    incoming
}

/// The stored content after the trace header, and what was found in it.
fn prepared(content: &[u8], body: BodyType) -> (Vec<u8>, usize, Spam) {
    let incoming = incoming(content, body);
    let trace_bytes = incoming.trace_bytes;
    let marks = [("X-Spam-Flag".to_owned(), "YES".to_owned()), ("X-Spam".to_owned(), "Yes".to_owned())];
    let prepared = prepare(incoming, &marks);
    assert!(prepared.bytes.starts_with(b"Return-Path: <>\r\n"), "the trace header stays first");
    (prepared.bytes[trace_bytes..].to_vec(), prepared.received, prepared.spam)
}

#[test]
fn bare_line_feeds_become_crlf_and_nothing_else_changes() {
    for (content, stored) in [
        ("", ""),
        ("A: b\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n"),
        ("A: b\n\nbody\n", "A: b\r\n\r\nbody\r\n"),
        ("A: b\r\n\nmixed\n\r\nend", "A: b\r\n\r\nmixed\r\n\r\nend"),
        ("\n", "\r\n"),
        ("A: b\r\n\r\nx\ry\r\r\nz\0", "A: b\r\n\r\nx\ry\r\r\nz\0"),
        ("A: b\r\n\r\n\n.\n", "A: b\r\n\r\n\r\n.\r\n"),
    ] {
        let (bytes, _, _) = prepared(content.as_bytes(), BodyType::Lines);
        assert_eq!(String::from_utf8(bytes).unwrap(), stored);
    }
}

#[test]
fn binary_content_is_stored_octet_for_octet() {
    let content = b"A: b\r\n\r\n\x00\n\r\n\n\r\xff";
    assert_eq!(prepared(content, BodyType::Binary).0, content);
}

#[test]
fn a_return_path_that_was_there_before_is_dropped() {
    for (content, stored) in [
        ("Return-Path: <x@y>\r\nA: b\r\n\r\nReturn-Path: <z>\r\n", "A: b\r\n\r\nReturn-Path: <z>\r\n"),
        ("A: b\r\nreturn-path : <x\r\n @y>\r\nC: d\r\nReturn-Path: <>\r\n\r\n", "A: b\r\nC: d\r\n\r\n"),
        ("Return-Path: <x@y>", ""),
        ("A: b\r\nX-Return-Path: <x>\r\n\r\n", "A: b\r\nX-Return-Path: <x>\r\n\r\n"),
    ] {
        let (bytes, _, _) = prepared(content.as_bytes(), BodyType::Lines);
        assert_eq!(String::from_utf8(bytes).unwrap(), stored);
    }
}

#[test]
fn hops_are_counted_in_the_header_section_only() {
    for (content, hops) in [
        ("", 0),
        ("Received: a\r\nReceived: b\r\n\r\nReceived: c\r\n", 2),
        ("RECEIVED : a\r\n\tReceived: folded\r\nX-Received: no\r\n\r\n", 1),
        ("no header field\r\nReceived: a\r\n", 1),
    ] {
        assert_eq!(prepared(content.as_bytes(), BodyType::Lines).1, hops, "{content:?}");
    }
}

#[test]
fn only_a_configured_mark_in_the_header_section_makes_spam() {
    use Spam::{Marked, Unmarked};
    for (content, spam) in [
        ("X-Spam-Flag: YES\r\n\r\n", Marked),
        ("x-spam-flag:yes\r\n\r\n", Marked),
        ("X-Spam: Yes, score=9.1\r\n\r\n", Marked),
        ("X-Spam:\r\n Yes\r\n\r\n", Marked),
        ("A: b\nX-Spam: yes\n\n", Marked),
        ("X-Spam: Yesterday\r\n\r\n", Unmarked),
        ("X-Spam: Ye\r\n\r\n", Unmarked),
        ("X-Spam: No\r\n\r\n", Unmarked),
        ("X-Spam-Flag: NO\r\nX-Spam-Flagged: YES\r\n\r\n", Unmarked),
        ("A: b\r\n\r\nX-Spam: Yes\r\n", Unmarked),
        ("A: b\r\n X-Spam: Yes\r\n\r\n", Unmarked),
    ] {
        assert_eq!(prepared(content.as_bytes(), BodyType::Lines).2, spam, "{content:?}");
    }
}

proptest! {
    #[test]
    fn after_normalising_every_line_feed_follows_a_carriage_return(content in "[\r\n:.aR \0]{0,80}") {
        let once = with_crlf(content.clone().into_bytes());
        prop_assert!(memchr::memchr_iter(b'\n', &once).all(|at| at > 0 && once[at - 1] == b'\r'));
        prop_assert_eq!(with_crlf(once.clone()), once.clone());
        let kept = |bytes: &[u8]| bytes.iter().filter(|b| **b != b'\r').copied().collect::<Vec<_>>();
        prop_assert_eq!(kept(&once), kept(content.as_bytes()));
    }

    #[test]
    fn fields_are_cut_without_losing_an_octet(content in "[\r\n:aR \t]{0,80}") {
        let joined: Vec<u8> = fields(content.as_bytes()).flatten().copied().collect();
        prop_assert!(content.as_bytes().starts_with(&joined));
        let rest = &content.as_bytes()[joined.len()..];
        prop_assert!(rest.is_empty() || rest.starts_with(b"\r\n") || rest.starts_with(b"\n"));
    }
}
