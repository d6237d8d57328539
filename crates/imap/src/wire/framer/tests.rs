use proptest::prelude::*;

use super::*;

const LIMITS: FrameLimits =
    FrameLimits { line_bytes: 64, literal_bytes: 20, append_bytes: 40, discard_bytes: 200 };

/// Every event of a stream that arrives in chunks of the given sizes, over and over; as text.
fn events(stream: &[u8], chunks: &[usize]) -> Vec<String> {
    let mut framer = Framer::default();
    let mut input = BytesMut::new();
    let mut found = Vec::new();
    let mut rest = stream;
    for size in chunks.iter().cycle() {
        let (now, later) = rest.split_at((*size).min(rest.len()));
        input.extend_from_slice(now);
        rest = later;
        while let Some(mut event) = framer.poll(&mut input, &LIMITS) {
            if let Event::Append(kind) = event {
                event = match (kind, memchr::memmem::find(framer.head(&input), b"nowhere")) {
                    (LiteralKind::NonSynchronising, None) => continue,
                    (LiteralKind::Synchronising, None) => Event::Continue,
                    (_, Some(_)) => match framer.refuse(&mut input, &LIMITS) {
                        Some(event) => event,
                        None => continue,
                    },
                };
            }
            found.push(match event {
                Event::Append(_) => unreachable!("it has been accepted or refused"),
                Event::Command(frame) => format!("{}", frame.escape_ascii()),
                Event::Continue => "+".to_owned(),
                Event::Rejected { tag, error } => {
                    let tag = tag.map(|tag| tag.as_bytes().escape_ascii().to_string());
                    format!("{tag:?}: {error}")
                }
                Event::Fatal(error) => return [found, vec![format!("closed: {error}")]].concat(),
            });
        }
        if rest.is_empty() {
            return found;
        }
    }
    found
}

fn check(stream: &str, expected: &[&str]) {
    for chunks in [&[usize::MAX][..], &[1], &[2, 3], &[7]] {
        assert_eq!(events(stream.as_bytes(), chunks), expected, "{stream:?} in chunks of {chunks:?}");
    }
}

#[test]
fn commands_end_where_their_last_line_does() {
    check("a NOOP\r\nb NOOP\r\n", &["a NOOP", "b NOOP"]);
    check("a NOOP\nb NOO", &["a NOOP"]);
    check("a LOGIN {2}\r\nme {3}\r\nxyz\r\n", &["+", "+", r"a LOGIN {2}\r\nme {3}\r\nxyz"]);
    check("a LOGIN {2+}\r\nme {3+}\r\nx\ny\r\nb NOOP\r\n", &[r"a LOGIN {2+}\r\nme {3+}\r\nx\ny", "b NOOP"]);
    check(
        "a APPEND x ~{30+}\r\n012345678901234567890123456789\r\n",
        &[r"a APPEND x ~{30+}\r\n012345678901234567890123456789"],
    );
}

#[test]
fn a_line_too_long_is_rejected_and_the_next_command_is_read() {
    let long = "x".repeat(100);
    check(&format!("a {long}\r\nb NOOP\r\n"), &[r#"Some("a"): the command line is too long"#, "b NOOP"]);
    check(&format!("{long}\r\nb NOOP\r\n"), &["None: the command line is too long", "b NOOP"]);
    // The text after a literal counts too.
    let long = "x".repeat(60);
    check(
        &format!("a {{1}}\r\ny{long}\r\nb NOOP\r\n"),
        &["+", r#"Some("a"): the command line is too long"#, "b NOOP"],
    );
}

#[test]
fn a_literal_too_big_leaves_the_connection_in_step() {
    // RFC 9051 §4.3: a synchronising literal that is refused never comes.
    check("a LOGIN {21}\r\nb NOOP\r\n", &[r#"Some("a"): the literal is too big"#, "b NOOP"]);
    // RFC 7888 §4: a non-synchronising one comes all the same, and so does what follows it.
    check(
        "a LOGIN {21+}\r\n012345678901234567890 {3+}\r\n\r\n\r rest\r\nb NOOP\r\n",
        &[r#"Some("a"): the literal is too big"#, "b NOOP"],
    );
    check(
        "a LOGIN {21+}\r\n012345678901234567890 {3}\r\nb NOOP\r\n",
        &[r#"Some("a"): the literal is too big"#, "b NOOP"],
    );
    // All literals of a command count together.
    check(
        "a LOGIN {15}\r\n012345678901234 {6}\r\nb NOOP\r\n",
        &["+", r#"Some("a"): the literal is too big"#, "b NOOP"],
    );
    check("a append x {41}\r\nb NOOP\r\n", &[r#"Some("a"): the literal is too big"#, "b NOOP"]);
    check(
        "a LOGIN {99999999999999999999}\r\nb NOOP\r\n",
        &[r#"Some("a"): the literal is too big"#, "b NOOP"],
    );
}

#[test]
fn who_does_not_stop_is_cut_off() {
    let endless = "x".repeat(300);
    check(&endless, &["closed: too much data after a rejected command"]);
    check("a LOGIN {201+}\r\n", &["closed: too much data after a rejected command"]);
    check("a LOGIN {18446744073709551615+}\r\n", &["closed: too much data after a rejected command"]);
}

#[test]
fn a_refused_append_costs_its_literal_only_if_that_comes_anyway() {
    let refused = r#"Some("a"): the literal was refused"#;
    check("a APPEND nowhere {9}\r\nb NOOP\r\n", &[refused, "b NOOP"]);
    check("a APPEND nowhere {3+}\r\nxyz\r\nb NOOP\r\n", &[refused, "b NOOP"]);
    check("a APPEND nowhere {3+}\r\nxyz {2+}\r\nxy\r\nb NOOP\r\n", &[refused, "b NOOP"]);
    check("a APPEND {7}\r\nnowhere {9}\r\nb NOOP\r\n", &["+", refused, "b NOOP"]);
}

#[test]
fn what_comes_later_says_nothing_about_a_command() {
    // The second line is no reason to take the first for an APPEND, nor its tag for the first one's.
    check("{21}\r\na APPEND x ", &["None: the literal is too big"]);
    let late_tag = format!("{}a b\r\n", "x".repeat(64));
    check(&late_tag, &["None: the command line is too long"]);
}

#[test]
fn what_only_looks_like_a_literal_is_text() {
    for line in ["a {}", "a {x}", "a {+}", "a {1-}", "a }", "a {00000000000000000000000000001}"] {
        check(&format!("{line}\r\n"), &[line]);
    }
}

#[test]
fn the_buffer_is_free_between_commands() {
    let mut framer = Framer::default();
    let mut input = BytesMut::from("a NOOP\r\n");
    assert!(!framer.is_idle(&input));
    assert!(matches!(framer.poll(&mut input, &LIMITS), Some(Event::Command(_))));
    assert!(framer.is_idle(&input));
    input.extend_from_slice(b"a LOGIN {2}\r\n");
    assert_eq!(framer.poll(&mut input, &LIMITS), Some(Event::Continue));
    assert!(!framer.is_idle(&input));
    assert_eq!(framer.missing(&input), 2);
}

#[test]
fn a_continuation_line_has_a_limit() {
    let line = |text: &str| continuation_line(&mut BytesMut::from(text), 8);
    assert_eq!(line("DONE\r\nx"), Some(Ok(Bytes::from_static(b"DONE"))));
    assert_eq!(line("DONE"), None);
    assert_eq!(line("12345678\n"), Some(Ok(Bytes::from_static(b"12345678"))));
    assert_eq!(line("123456789"), Some(Err(FrameError::Line)));
    assert_eq!(line("123456789\n"), Some(Err(FrameError::Line)));
}

/// Streams made of what matters to the framer, so that most of them have lines and literals.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"a APPEND x ".to_vec()),
        Just(b"b LOGIN ".to_vec()),
        (0_u64..60).prop_map(|n| format!("{{{n}}}\r\n").into_bytes()),
        (0_u64..60).prop_map(|n| format!("~{{{n}+}}\r\n").into_bytes()),
        (0_usize..90).prop_map(|n| vec![b'x'; n]),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_cuts_between_reads_make_no_difference(stream in streams(), cuts in proptest::collection::vec(1_usize..9, 1..6)) {
        prop_assert_eq!(events(&stream, &[usize::MAX]), events(&stream, &cuts));
    }
}
