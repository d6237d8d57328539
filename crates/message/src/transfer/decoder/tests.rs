use proptest::prelude::*;

use super::{Decoder, LINE_BYTES_MAX};
use crate::{Parsed, content};

/// Decodes the body of a message in pieces of these lengths, the last one over and over.
fn in_pieces(encoding: &str, body: &[u8], lengths: &[usize]) -> (Vec<u8>, Vec<u8>) {
    let raw = [format!("Content-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes(), body].concat();
    let parsed = Parsed::parse(&raw);
    let part = parsed.structure.root().part;
    let (mut decoder, mut out) = (Decoder::new(part).unwrap(), Vec::new());
    let mut rest = body;
    for length in lengths.iter().chain(std::iter::repeat(lengths.last().unwrap_or(&1))) {
        let (piece, after) = rest.split_at((*length).clamp(1, rest.len().max(1)).min(rest.len()));
        decoder.push(piece, &mut out);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    decoder.finish(&mut out);
    (out, content(part, &raw).unwrap().bytes.into_owned())
}

proptest! {
    #[test]
    fn pieces_decode_to_what_the_whole_does(
        encoding in prop::sample::select(vec!["base64", "quoted-printable", "8bit"]),
        body in "([ -~]|=[0-9A-F]{2}|=|[ \t]{1,3}|\r|\n|\r\n|=\r\n|é){0,80}",
        lengths in prop::collection::vec(1_usize..20, 1..10),
    ) {
        let (pieces, whole) = in_pieces(encoding, body.as_bytes(), &lengths);
        prop_assert_eq!(pieces, whole);
    }
}

#[test]
fn a_line_without_an_end_is_decoded_as_it_comes() {
    let line = "=41 =\r\n =4".repeat(LINE_BYTES_MAX / 4) + "2=";
    let endless = line.replace("\r\n", "");
    for body in [&line, &endless, &format!("{endless}  \r\n"), &"x".repeat(3 * LINE_BYTES_MAX)] {
        for length in [LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 7_001] {
            let (pieces, whole) = in_pieces("quoted-printable", body.as_bytes(), &[length]);
            assert!(pieces == whole, "pieces of {length} bytes");
        }
    }
}

#[test]
fn blanks_without_end_are_not_waited_for() {
    let blanks = vec![b' '; LINE_BYTES_MAX];
    let (pieces, _) = in_pieces("quoted-printable", &blanks, &[1_000]);
    assert_eq!(pieces, blanks);
}
