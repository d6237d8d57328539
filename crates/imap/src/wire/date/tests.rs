use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn seconds_of(input: &'static str) -> Option<i64> {
    let frame = Bytes::from_static(input.as_bytes());
    let mut cursor = Cursor::new(&frame, Names::ModifiedUtf7);
    let seconds = date_time(&mut cursor).ok()?;
    cursor.end().ok()?;
    Some(seconds)
}

fn days_of(input: &'static str) -> Option<i64> {
    let frame = Bytes::from_static(input.as_bytes());
    let mut cursor = Cursor::new(&frame, Names::ModifiedUtf7);
    let date = Date::parse(&mut cursor).ok()?;
    cursor.end().ok()?;
    Some(date.days())
}

#[test]
fn date_times_become_seconds() {
    let cases = [
        ("\"01-Jan-1970 00:00:00 +0000\"", Some(0)),
        ("\" 1-Jan-1970 01:00:00 +0100\"", Some(0)),
        // The example of RFC 3501 §7.4.2.
        ("\"17-Jul-1996 02:44:25 -0700\"", Some(837_596_665)),
        ("\"29-feb-2000 23:59:60 +0000\"", Some(951_868_799)),
        ("\"29-Feb-1900 00:00:00 +0000\"", None),
        ("\"31-Apr-2024 00:00:00 +0000\"", None),
        ("\"01-Foo-2024 00:00:00 +0000\"", None),
        ("\"01-Jan-2024 24:00:00 +0000\"", None),
        ("\"01-Jan-2024 00:00:00 0000\"", None),
        ("\"01-Jan-2024 00:00:00 +00\"", None),
        ("\"01-Jan-2024 00:00:00 +0075\"", None),
        ("01-Jan-2024 00:00:00 +0000", None),
    ];
    for (input, expected) in cases {
        assert_eq!(seconds_of(input), expected, "{input}");
    }
}

#[test]
fn dates_become_days_with_or_without_quotes() {
    assert_eq!(days_of("1-Feb-1994"), Some(8797));
    assert_eq!(days_of("\"1-Feb-1994\""), Some(8797));
    assert_eq!(days_of("\"1-Feb-1994"), None);
    assert_eq!(days_of("0-Feb-1994"), None);
    assert_eq!(days_of("1-Feb-10000"), None);
}

#[test]
fn what_is_written_reads_back() {
    // Every 7th day and a bit, so that all times of day and all months occur.
    for step in -20_000_i64..20_000 {
        let seconds = step * 612_345;
        let mut out = BytesMut::new();
        push_date_time(&mut out, seconds);
        let frame = out.freeze();
        let mut cursor = Cursor::new(&frame, Names::ModifiedUtf7);
        assert_eq!(date_time(&mut cursor), Ok(seconds), "{frame:?}");
    }
}

#[test]
fn moments_outside_the_calendar_are_clamped() {
    let text = |seconds| {
        let mut out = BytesMut::new();
        push_date_time(&mut out, seconds);
        String::from_utf8(out.to_vec()).unwrap()
    };
    assert_eq!(text(i64::MIN), "\" 1-Jan-0001 00:00:00 +0000\"");
    assert_eq!(text(i64::MAX), "\"31-Dec-9999 23:59:59 +0000\"");
}
