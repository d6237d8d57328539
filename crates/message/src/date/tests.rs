use super::parse_date;

#[test]
fn dates_are_read_in_every_form() {
    let cases: &[(&str, i64, i16)] = &[
        ("Thu, 1 Jan 1970 00:00:00 +0000", 0, 0),
        ("Fri, 21 Nov 1997 09:55:06 -0600", 880_127_706, -360),
        ("21 Nov 97 09:55:06 GMT", 880_106_106, 0),
        ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880_127_706, -360),
        ("Thu, 13 Feb 1969 23:32 -0330", -27_723_480, -210),
        ("Thu,\t13 Feb 1969 23:32:00 -0330 (Newfoundland Time)", -27_723_480, -210),
        ("Mon, 29 Feb 2016 12:00:00 +0530", 1_456_727_400, 330),
        ("06-Nov-94 08:49:37 GMT", 784_111_777, 0),
        ("Sun, 06 Nov 1994 08:49:37 EST", 784_129_777, -300),
        ("Sun, 06 November 1994 08:49:37 Z", 784_111_777, 0),
        ("Sat, 31 Dec 2016 23:59:60 +0000", 1_483_228_799, 0),
        ("1 Jan 49 00:00:00", 2_493_072_000, 0),
        ("1 Jan 100 00:00:00 -0000", 946_684_800, 0),
    ];
    for (value, unix_seconds, offset_minutes) in cases {
        let found = parse_date(value.as_bytes()).map(|date| (date.unix_seconds, date.offset_minutes));
        assert_eq!(found, Some((*unix_seconds, *offset_minutes)), "{value}");
    }
}

#[test]
fn what_no_calendar_has_is_no_date() {
    let values = [
        "",
        "yesterday",
        "Mon, 30 Feb 2026 10:00:00 +0000",
        "Sun, 29 Feb 1900 10:00:00 +0000",
        "0 Jan 2026 10:00:00 +0000",
        "1 Foo 2026 10:00:00 +0000",
        "1 Jan 2026 24:00:00 +0000",
        "1 Jan 2026 10:60:00 +0000",
        "1 Jan 2026 10 +0000",
        "1 Jan 2026 10:00:00 +00",
        "1 Jan 2026 10:00:00 +9999",
        "1 Jan 99999 10:00:00 +0000",
        "1 Jan 2026",
    ];
    for value in values {
        assert_eq!(parse_date(value.as_bytes()), None, "{value}");
    }
}
