use proptest::prelude::*;

use super::*;

/// Everything a stream holds, as text, content joined. Lines `D` and `Bn` switch to content, as a session would.
fn decoded(input: &[u8], cut: usize) -> Vec<String> {
    let mut decoder = Decoder::default();
    let mut found: Vec<String> = Vec::new();
    let mut content = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        let (used, step) = decoder.step(&input[start..end]);
        start += used;
        match step {
            Step::More if end == input.len() => break,
            Step::More => end = (end + cut).min(input.len()),
            Step::Line(Ok(line)) => {
                found.push(format!("line {}", line.escape_ascii()));
                match line {
                    b"D" => decoder.expect_data(),
                    [b'B', size @ ..] => {
                        let size = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
                        decoder.expect_chunk(size.unwrap_or(0));
                    }
                    _ => {}
                }
            }
            Step::Line(Err(error)) => found.push(format!("{error:?}")),
            Step::Content(octets) => content.extend_from_slice(octets),
            Step::ContentEnd => {
                found.push(format!("content {}", content.escape_ascii()));
                content.clear();
            }
        }
    }
    if !content.is_empty() {
        found.push(format!("open {}", content.escape_ascii()));
    }
    found
}

#[test]
fn lines_and_content_are_told_apart_however_the_input_is_cut() {
    let longest = "x".repeat(LINE_BYTES_MAX - 2);
    let longest_line = format!("line {longest}");
    let longest_input = format!("{longest}\r\nA\r\n");
    let too_long = format!("{longest}x\r\nA\r\n");
    let far_too_long = format!("{}\r\nA\r\n", longest.repeat(9));
    for (input, expected) in [
        ("", &[][..]),
        ("A\r\nB0\r\n", &["line A", "line B0", "content "]),
        ("A\nC\r\n", &["BareLf", "line C"]),
        ("\r\n\n\r\r\n", &["line ", "BareLf", "line \\r"]),
        ("A", &[]),
        ("D\r\nx\r\n..\r\n.\r\nA\r\n", &["line D", "content x\\r\\n.\\r\\n", "line A"]),
        ("D\r\n.\r\n.\r\n", &["line D", "content ", "line ."]),
        ("D\r\nx", &["line D", "open x"]),
        ("B3\r\nA\r\nA\r\n", &["line B3", "content A\\r\\n", "line A"]),
        ("B5\r\n.\r\n\0\nA\r\n", &["line B5", "content .\\r\\n\\x00\\n", "line A"]),
        ("B9\r\nx", &["line B9", "open x"]),
        ("B18446744073709551615\r\nx", &["line B18446744073709551615", "open x"]),
        (&longest_input, &[&longest_line, "line A"]),
        (&too_long, &["TooLong", "line A"]),
        (&far_too_long, &["TooLong", "line A"]),
    ] {
        for cut in [1, 2, 3, 7, LINE_BYTES_MAX, usize::MAX / 2] {
            assert_eq!(decoded(input.as_bytes(), cut), expected, "{input:?} in pieces of {cut}");
        }
    }
}

proptest! {
    #[test]
    fn feeding_octet_by_octet_is_feeding_at_once(
        parts in proptest::collection::vec(
            prop_oneof![
                "[AB.\r\n\0]{0,6}", Just("D\r\n".to_owned()), Just("B4\r\n".to_owned()),
                Just("\r\n.\r\n".to_owned()), Just("y".repeat(LINE_BYTES_MAX - 1)),
            ],
            0..12,
        ),
        cut in 1_usize..50,
    ) {
        let input = parts.concat().into_bytes();
        let at_once = decoded(&input, usize::MAX / 2);
        prop_assert_eq!(&decoded(&input, 1), &at_once);
        prop_assert_eq!(&decoded(&input, cut), &at_once);
    }
}
