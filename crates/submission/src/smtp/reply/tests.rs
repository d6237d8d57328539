use super::*;

fn read(lines: &[&str]) -> Result<Option<Reply>, NotReply> {
    let mut partial = Partial::default();
    for line in lines {
        if let Some(reply) = partial.take(line.as_bytes())? {
            return Ok(Some(reply));
        }
    }
    Ok(None)
}

#[test]
fn a_reply_ends_with_the_line_that_has_no_hyphen() {
    for (lines, shown) in [
        (&["250 ok"][..], Some("250 ok")),
        (&["250"], Some("250")),
        (&["250-one", "250 two"], Some("250 one two")),
        (&["250-one"], None),
        // The example of RFC 8621 §7.
        (
            &["550-5.7.1 Our system has detected that this message is", "550 5.7.1 likely spam, sorry."],
            Some("550 5.7.1 Our system has detected that this message is likely spam, sorry."),
        ),
        (&["451-4.7.1 a", "451-4.7.0 b", "451 c"], Some("451 4.7.1 a 4.7.0 b c")),
        (&["250 a\u{7}b\tc"], Some("250 a b c")),
    ] {
        assert_eq!(read(lines).unwrap().map(|reply| reply.shown()).as_deref(), shown, "{lines:?}");
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    let many = vec!["250-x"; LINES_MAX + 1];
    for lines in
        [&["hello"][..], &["25"], &["150 x"], &["600 x"], &["+50 x"], &["250-a", "251 b"], &["250_x"], &many]
    {
        assert_eq!(read(lines), Err(NotReply), "{lines:?}");
    }
}

#[test]
fn the_first_digit_decides() {
    for (line, verdict) in [
        ("250 x", Verdict::Yes),
        ("354 x", Verdict::Yes),
        ("421 x", Verdict::Later),
        ("499 x", Verdict::Later),
        ("500 x", Verdict::No),
        ("599 x", Verdict::No),
    ] {
        assert_eq!(read(&[line]).unwrap().unwrap().verdict(), verdict, "{line}");
    }
}

#[test]
fn extensions_are_read_whatever_their_case_and_order() {
    let greeting =
        ["250-mx.test STARTTLS", "250-size 1000", "250-8BITMIME", "250-auth PLAIN login", "250 X-OTHER"];
    let extensions = Extensions::of(&read(&greeting).unwrap().unwrap());
    let expected = Extensions {
        eight_bit_mime: true,
        size: Some(1000),
        mechanisms: vec!["PLAIN".to_owned(), "LOGIN".to_owned()],
        ..Extensions::default()
    };
    assert_eq!(extensions, expected);
}
