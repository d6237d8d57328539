//! The Date field (RFC 5322 §3.3, obsolete forms §4.3).
//!
//! Lenient about comments, the day of the week, two-digit years and zone names; a date that no calendar has is none.

use crate::address::comment;

/// A moment and the clock it was written by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentDate {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_seconds: i64,
    /// Minutes that the sender's clock was ahead of UTC; 0 for `-0000` and unknown zones.
    pub offset_minutes: i16,
}

/// Reads an unfolded Date value; `None` where it is no date.
///
/// ABNF (RFC 5322 §3.3): `[day-of-week ","] day month year hour ":" minute [":" second] zone`.
pub fn parse_date(value: &[u8]) -> Option<SentDate> {
    let value = tightened(value);
    let mut words =
        value.split(|byte| matches!(byte, b' ' | b'\t' | b',')).filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| word.first().is_some_and(u8::is_ascii_alphabetic));
    let (day, month, year) = match words.next()? {
        // RFC 850's `06-Nov-94`.
        word if word.contains(&b'-') => {
            let mut pieces = word.split(|byte| *byte == b'-');
            (pieces.next()?, pieces.next()?, pieces.next()?)
        }
        day => (day, words.next()?, words.next()?),
    };
    let (day, month, year) = (number(day)?, month_number(month)?, full_year(year)?);
    let mut clock = words.next()?.split(|byte| *byte == b':');
    let (hour, minute) = (number(clock.next()?)?, number(clock.next()?)?);
    let second = clock.next().map_or(Some(0), number)?;
    let offset_minutes = words.next().map_or(Some(0), zone)?;
    let is_valid =
        (1..=days_of_month(year, month)).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !is_valid {
        return None;
    }
    // A leap second is shown as the one before it, as POSIX time has none.
    let local = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second.min(59);
    Some(SentDate { unix_seconds: local - i64::from(offset_minutes) * 60, offset_minutes })
}

/// A date without comments and without white space around the colons of its time.
fn tightened(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len().min(DATE_BYTES_MAX));
    let mut rest = value.get(..DATE_BYTES_MAX).unwrap_or(value);
    while let Some((byte, after)) = rest.split_first() {
        rest = if *byte == b'(' { comment(after, &mut Vec::new()) } else { after };
        match byte {
            b'(' | b' ' | b'\t' if text.last() != Some(&b':') => text.push(b' '),
            b'(' | b' ' | b'\t' => {}
            // RFC 5322 §4.3: there may be white space around the colons of the time.
            b':' => {
                text.truncate(text.trim_ascii_end().len());
                text.push(b':');
            }
            _ => text.push(*byte),
        }
    }
    text
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 4 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn month_number(name: &[u8]) -> Option<i64> {
    let start = name.get(..3)?;
    (1..).zip(MONTHS).find(|(_, month)| start.eq_ignore_ascii_case(month)).map(|(number, _)| number)
}

/// RFC 5322 §4.3: two digits from 50 on and three digits count from 1900, two digits below 50 from 2000.
fn full_year(digits: &[u8]) -> Option<i64> {
    let year = number(digits)?;
    match (digits.len(), year) {
        (4, 1900..) => Some(year),
        (3, _) | (2, 50..) => Some(year + 1900),
        (2, _) => Some(year + 2000),
        _ => None,
    }
}

/// ABNF (RFC 5322 §3.3, §4.3): `("+" / "-") 4DIGIT / obs-zone`. Minutes ahead of UTC.
fn zone(word: &[u8]) -> Option<i16> {
    let (is_behind, digits) = match word {
        [b'+', digits @ ..] => (false, digits),
        [b'-', digits @ ..] => (true, digits),
        name => {
            let hours =
                ZONES.iter().find(|(zone, _)| name.eq_ignore_ascii_case(zone)).map(|(_, hours)| *hours);
            return Some(hours.unwrap_or(0) * 60);
        }
    };
    let digits = if digits.len() == 4 { i16::try_from(number(digits)?).ok()? } else { return None };
    let minutes = digits / 100 * 60 + digits % 100;
    if digits % 100 > 59 || minutes >= 24 * 60 {
        return None;
    }
    Some(if is_behind { -minutes } else { minutes })
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, counted from March so that the leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let years = if month > 2 { year } else { year - 1 };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    years * 365 + years / 4 - years / 100 + years / 400 + day_of_year - DAYS_BEFORE_1970
}

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
/// RFC 5322 §4.3, hours ahead of UTC. Other names, military letters too, count as unknown: `-0000`.
const ZONES: [(&[u8], i16); 8] = [
    (b"EDT", -4),
    (b"EST", -5),
    (b"CDT", -5),
    (b"CST", -6),
    (b"MDT", -6),
    (b"MST", -7),
    (b"PDT", -7),
    (b"PST", -8),
];
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;
/// Bytes of a Date value that are looked at; the longest sane one, with a comment, is a fifth of it.
const DATE_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests;
