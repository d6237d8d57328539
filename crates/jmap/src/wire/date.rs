//! Dates as JMAP writes them (RFC 8620 §1.4): `2014-10-30T06:12:00Z`, or with an offset where the sender's clock matters.

#[cfg(test)]
mod tests;

/// A UTCDate. Years beyond 9999 are shown as the end of 9999, those before 0 as its beginning.
#[must_use]
pub fn utc(unix_seconds: i64) -> String {
    format!("{}Z", local(unix_seconds))
}

/// A Date: the time that a clock showed which was `offset_minutes` ahead of UTC.
#[must_use]
pub fn with_offset(unix_seconds: i64, offset_minutes: i16) -> String {
    let shown = local(unix_seconds.saturating_add(i64::from(offset_minutes) * 60));
    if offset_minutes == 0 {
        return format!("{shown}Z");
    }
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let minutes = offset_minutes.unsigned_abs();
    format!("{shown}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Seconds since 1970 of a UTCDate; `None` if it is none. A fraction of a second, which RFC 8620 allows unless it is zero, is cut.
#[must_use]
pub fn parse_utc(text: &str) -> Option<i64> {
    parse(text.strip_suffix('Z')?, 0)
}

/// Seconds since 1970 of a Date with `Z` or an offset, and the offset in minutes; `None` if it is none.
#[must_use]
pub fn parse_with_offset(text: &str) -> Option<(i64, i16)> {
    if let Some(local) = text.strip_suffix('Z') {
        return parse(local, 0).map(|seconds| (seconds, 0));
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let sign = match offset.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = (digits(offset.get(1..3)?)?, digits(offset.get(4..)?)?);
    if offset.get(3..4)? != ":" || hours > 23 || minutes > 59 {
        return None;
    }
    let minutes = sign * (hours * 60 + minutes);
    Some((parse(local, minutes)?, i16::try_from(minutes).ok()?))
}

/// `date-time` of RFC 3339 §5.6 without its offset, in capitals.
fn parse(local: &str, offset_minutes: i64) -> Option<i64> {
    let (local, fraction) = local.split_once('.').map_or((local, None), |(local, rest)| (local, Some(rest)));
    if fraction.is_some_and(|digits| digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if local.len() != 19 || marks.iter().any(|(at, mark)| local.get(*at..at + 1) != Some(mark)) {
        return None;
    }
    let at = |range: std::ops::Range<usize>| local.get(range).and_then(digits);
    let (year, month, day) = (at(0..4)?, at(5..7)?, at(8..10)?);
    let (hour, minute, second) = (at(11..13)?, at(14..16)?, at(17..19)?);
    if !(1..=12).contains(&month)
        || !(1..=days_of_month(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let days = days_since_1970(year, month, day);
    Some(days * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second.min(59))
}

fn digits(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn local(unix_seconds: i64) -> String {
    let seconds = unix_seconds.clamp(YEAR_0_SECONDS, YEAR_9999_SECONDS);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a day since 1970, in the Gregorian calendar. Years are counted from March, so that the day that is added
/// in leap years comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_FROM_0000_03;
    let era = days.div_euclid(DAYS_OF_ERA);
    let day = days.rem_euclid(DAYS_OF_ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month + 2) / 5 + day - 1;
    era * DAYS_OF_ERA + year * 365 + year / 4 - year / 100 + day - DAYS_FROM_0000_03
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the 400 years after which the calendar repeats.
const DAYS_OF_ERA: i64 = 146_097;
/// From 1 March of the year 0 to 1 January 1970.
const DAYS_FROM_0000_03: i64 = 719_468;
const YEAR_0_SECONDS: i64 = -62_167_219_200;
const YEAR_9999_SECONDS: i64 = 253_402_300_799;
