use super::*;

#[test]
fn a_date_is_written_and_read_back() {
    let cases = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_414_649_520, "2014-10-30T06:12:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (YEAR_0_SECONDS, "0000-01-01T00:00:00Z"),
        (YEAR_9999_SECONDS, "9999-12-31T23:59:59Z"),
    ];
    for (seconds, text) in cases {
        assert_eq!(utc(seconds), text);
        assert_eq!(parse_utc(text), Some(seconds));
    }
    assert_eq!(utc(i64::MAX), "9999-12-31T23:59:59Z");
    for day in (-719_000..2_900_000).step_by(97) {
        let seconds = day * 86_400 + 5;
        assert_eq!(parse_utc(&utc(seconds)), Some(seconds));
    }
}

#[test]
fn an_offset_is_kept() {
    for (seconds, offset, text) in [
        (1_531_148_591, 600, "2018-07-10T01:03:11+10:00"),
        (1_531_148_591, -210, "2018-07-09T11:33:11-03:30"),
        (1_531_148_591, 0, "2018-07-09T15:03:11Z"),
    ] {
        assert_eq!(with_offset(seconds, offset), text);
        assert_eq!(parse_with_offset(text), Some((seconds, offset)));
    }
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "",
        "Z",
        "2014-10-30",
        "2014-10-30T06:12:00",
        "2014-10-30t06:12:00Z",
        "2014-10-30T06:12:00z",
        "2014-13-30T06:12:00Z",
        "2014-02-29T06:12:00Z",
        "2014-10-30T24:12:00Z",
        "2014-10-30T06:12:00.Z",
        "2014-10-30T06:12:00+00:00",
        "+014-10-30T06:12:00Z",
        "2014-1é-30T06:12:00Z",
    ] {
        assert_eq!(parse_utc(text), None, "{text:?}");
    }
    assert_eq!(parse_utc("2014-10-30T06:12:00.5Z"), Some(1_414_649_520));
    for text in
        ["2014-10-30T06:12:00*10:00", "2014-10-30T06:12:00+1000", "2014-10-30T06:12:00+24:00", "é+10:00"]
    {
        assert_eq!(parse_with_offset(text), None, "{text:?}");
    }
}
