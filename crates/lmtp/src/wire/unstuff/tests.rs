use proptest::prelude::*;

use super::*;

/// Message octets and what is left after the end, if it came; the input cut into pieces of `cut` octets.
fn unstuffed(input: &[u8], cut: usize) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut unstuffer = Unstuffer::default();
    let mut octets = Vec::new();
    let mut at = 0;
    while at < input.len() {
        let piece = &input[at..(at + cut).min(input.len())];
        let (used, found) = unstuffer.step(piece);
        at += used;
        match found {
            Found::Octets(run) => octets.extend_from_slice(run),
            Found::End => return (octets, Some(input[at..].to_vec())),
        }
    }
    (octets, None)
}

#[test]
fn dots_are_taken_off_and_the_end_is_found_however_the_input_is_cut() {
    for (input, octets, rest) in [
        (".\r\n", "", Some("")),
        (".\r\nQUIT\r\n", "", Some("QUIT\r\n")),
        ("a\r\n.\r\nb", "a\r\n", Some("b")),
        ("..\r\n.\r\n", ".\r\n", Some("")),
        ("...\r\n.\r\n", "..\r\n", Some("")),
        (".a\r\n.\r\n", "a\r\n", Some("")),
        ("a\r\n..b\r\n.\r\n", "a\r\n.b\r\n", Some("")),
        ("a.\r\n.\r\n", "a.\r\n", Some("")),
        ("a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n", Some("")),
        ("a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", Some("")),
        ("a\r\r\n.\r\n", "a\r\r\n", Some("")),
        ("\r\n.\r\n", "\r\n", Some("")),
        ("\r\n\r\n.\r\n", "\r\n\r\n", Some("")),
        ("a\r\n.", "a\r\n", None),
        ("a\r\n.\r", "a\r\n", None),
        ("a", "a", None),
        ("", "", None),
        // What only other servers might take for the end is content.
        ("a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", Some("")),
        ("a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", Some("")),
        ("a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", Some("")),
        ("a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", Some("")),
        ("a\r\n.\r.\r\n.\r\n", "a\r\n\r.\r\n", Some("")),
        ("a\r\n\0.\r\n.\r\n", "a\r\n\0.\r\n", Some("")),
    ] {
        for cut in [1, 2, 3, 4, 5, 1000] {
            let expected = (octets.as_bytes().to_vec(), rest.map(|rest| rest.as_bytes().to_vec()));
            assert_eq!(unstuffed(input.as_bytes(), cut), expected, "{input:?} in pieces of {cut}");
        }
    }
}

/// RFC 5321 §4.5.2, the sender's side.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut line_start = true;
    for (at, &octet) in message.iter().enumerate() {
        if line_start && octet == b'.' {
            wire.push(b'.');
        }
        wire.push(octet);
        line_start = octet == b'\n' && at > 0 && message[at - 1] == b'\r';
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

proptest! {
    #[test]
    fn what_a_sender_stuffs_comes_back_and_nothing_within_it_ends_it(
        lines in proptest::collection::vec("[\r\n.a]{0,9}", 0..9),
        cut in 1_usize..9,
    ) {
        let message = format!("{}\r\n", lines.join("\r\n")).into_bytes();
        let wire = [stuffed(&message), b"NOOP\r\n".to_vec()].concat();
        prop_assert_eq!(unstuffed(&wire, cut), (message, Some(b"NOOP\r\n".to_vec())));
    }

    #[test]
    fn cuts_make_no_difference(input in "[\r\n.a]{0,40}", cut in 1_usize..9) {
        prop_assert_eq!(unstuffed(input.as_bytes(), cut), unstuffed(input.as_bytes(), 1000));
    }
}
