//! Dates of SEARCH and APPEND, INTERNALDATE of FETCH (RFC 9051 §9, `date` and `date-time`).
//!
//! Days are counted from 1970-01-01 in the proleptic Gregorian calendar; there is no time zone table here.

use bytes::BytesMut;

use crate::wire::cursor::{Cursor, Parsed};
use crate::wire::encode;

/// A day without a time zone, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(i64);

impl Date {
    /// A day of the calendar; `None` if there is no such day (or the year is not one of 1..=9999).
    #[must_use]
    pub fn from_calendar(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 {
            return None;
        }
        (day <= days_in_month(year, month)).then(|| Self(days_from_calendar(year, month, day)))
    }

    /// Days since 1970-01-01, negative before.
    #[must_use]
    pub fn days(self) -> i64 {
        self.0
    }

    /// Seconds since 1970-01-01T00:00:00Z at the day's beginning in UTC.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0 * SECONDS_PER_DAY
    }

    // date = date-text / DQUOTE date-text DQUOTE
    /// The date of a search key.
    pub fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let quoted = cursor.eat(b'"');
        let date = date_text(cursor)?;
        if quoted {
            cursor.expect(b'"', "the closing quote")?;
        }
        Ok(date)
    }
}

// date-text = date-day "-" date-month "-" date-year
fn date_text(cursor: &mut Cursor<'_>) -> Parsed<Date> {
    let start = cursor.clone();
    let day = cursor.number()?;
    cursor.expect(b'-', "a hyphen")?;
    let month = month(cursor)?;
    cursor.expect(b'-', "a hyphen")?;
    let year = cursor.number()?;
    Date::from_calendar(i64::from(year), month, i64::from(day))
        .ok_or_else(|| start.invalid("there is no such day"))
}

fn month(cursor: &mut Cursor<'_>) -> Parsed<i64> {
    for (number, name) in (1_i64..).zip(MONTHS) {
        if cursor.eat_text(name) {
            return Ok(number);
        }
    }
    Err(cursor.expected("a month (Jan, Feb, ..)"))
}

// date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
/// The date-time of APPEND as seconds since 1970-01-01T00:00:00Z.
pub fn date_time(cursor: &mut Cursor<'_>) -> Parsed<i64> {
    let start = cursor.clone();
    cursor.expect(b'"', "a quoted date-time")?;
    // date-day-fixed = (SP DIGIT) / 2DIGIT
    cursor.eat(b' ');
    let date = date_text(cursor)?;
    cursor.sp()?;
    let hour = cursor.number()?;
    cursor.expect(b':', "a colon")?;
    let minute = cursor.number()?;
    cursor.expect(b':', "a colon")?;
    let second = cursor.number()?;
    // A leap second is taken as the last second of its minute.
    if hour > 23 || minute > 59 || second > 60 {
        return Err(start.invalid("there is no such time of day"));
    }
    cursor.sp()?;
    let offset = zone(cursor)?;
    cursor.expect(b'"', "the closing quote")?;
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59));
    Ok(date.unix_seconds() + seconds - offset)
}

// zone = ("+" / "-") 4DIGIT
fn zone(cursor: &mut Cursor<'_>) -> Parsed<i64> {
    let start = cursor.clone();
    let sign = match (cursor.eat(b'+'), cursor.eat(b'-')) {
        (true, false) => 1,
        (false, true) => -1,
        _ => return Err(cursor.expected("a zone such as +0100")),
    };
    let digits = cursor.take_while(|b| b.is_ascii_digit());
    let number = digits.iter().try_fold(0_i64, |n, &d| n.checked_mul(10)?.checked_add(i64::from(d - b'0')));
    match number {
        Some(number) if digits.len() == 4 && number % 100 < 60 => {
            Ok(sign * (number / 100 * 3600 + number % 100 * 60))
        }
        _ => Err(start.expected("a zone such as +0100")),
    }
}

/// Writes `"17-Jul-1996 02:44:25 +0000"`, always in UTC: the server keeps the moment, not the zone.
/// Moments outside the years 1 to 9999 are written as the nearest one inside.
pub fn push_date_time(out: &mut BytesMut, unix_seconds: i64) {
    let seconds = unix_seconds.clamp(-62_135_596_800, 253_402_300_799);
    let (days, time) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = calendar_from_days(days);
    out.extend_from_slice(b"\"");
    // date-day-fixed pads with a space.
    out.extend_from_slice(if day < 10 { b" " } else { b"" });
    encode::number(out, day.unsigned_abs());
    out.extend_from_slice(b"-");
    let name = usize::try_from(month - 1).ok().and_then(|i| MONTHS.get(i)).copied();
    out.extend_from_slice(name.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"-");
    encode::number_padded(out, year.unsigned_abs(), 4);
    for (before, value) in [(b" ", time / 3600), (b":", time / 60 % 60), (b":", time % 60)] {
        out.extend_from_slice(before);
        encode::number_padded(out, value.unsigned_abs(), 2);
    }
    out.extend_from_slice(b" +0000\"");
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar. Years begin in March here, so that the
/// leap day is the last of its year.
fn days_from_calendar(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH
}

/// The inverse of [`days_from_calendar`].
fn calendar_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (shifted.div_euclid(DAYS_PER_ERA), shifted.rem_euclid(DAYS_PER_ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests;
