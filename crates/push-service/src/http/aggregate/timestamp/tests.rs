use proptest::prelude::*;

use super::*;

// RFC 3339 §5.8 and its like.
#[test]
fn dates_and_times_are_read() {
    let cases = [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("1985-04-12T23:20:50.52Z", Some(482_196_050)),
        ("1996-12-19T16:39:57-08:00", Some(851_042_397)),
        ("1990-12-31T23:59:60Z", Some(662_688_000)),
        ("1937-01-01T12:00:27.87+00:20", Some(-1_041_337_173)),
        ("2024-02-29t00:00:00z", Some(1_709_164_800)),
        ("2023-02-29T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-00-01T00:00:00Z", None),
        ("2026-04-31T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:60:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01T00:00:00.Z", None),
        ("2026-01-01T00:00:00+1:00", None),
        ("2026-01-01T00:00:00+24:00", None),
        ("2026-1-1T00:00:00Z", None),
        ("+026-01-01T00:00:00Z", None),
        ("2026-01-01", None),
        ("", None),
        ("2026-01-0\u{e9}T00:00:00Z", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).map(Instant::seconds), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(seconds in 0_i64..253_402_300_800) {
        let at = Instant::from_micros(0).plus_seconds(seconds);
        prop_assert_eq!(parse(&format(at)), Some(at));
    }

    #[test]
    fn anything_can_be_read(text in "\\PC{0,40}") {
        let _read = parse(&text);
    }
}
