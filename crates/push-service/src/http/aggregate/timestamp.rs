//! Dates and times of RFC 3339 §5.6, in UTC and in seconds: what the draft has in `expires`.

use crate::clock::Instant;

/// Reads a date and time with any offset; fractions of a second are dropped. `None` for what is none.
pub(super) fn parse(text: &str) -> Option<Instant> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, zone) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let in_range = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    // RFC 3339 §5.7: 60 is a leap second, taken as the next one.
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = zone.strip_prefix('.').map_or(Some(zone), |fraction| {
        let end = fraction.find(|character: char| !character.is_ascii_digit())?;
        if end == 0 { None } else { fraction.get(end..) }
    })?;
    let seconds = days_since_epoch(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    Some(Instant::from_micros(0).plus_seconds(seconds - offset(zone)?))
}

/// Writes it with `Z`.
pub(super) fn format(at: Instant) -> String {
    let seconds = at.seconds();
    let (days, rest) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Three numbers between separators, with the digits that RFC 3339 asks for: the text has its length already.
fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut next = |digits: std::ops::RangeInclusive<usize>| -> Option<i64> {
        let part = parts.next().filter(|part| digits.contains(&part.len()))?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let three = [next(2..=4)?, next(2..=2)?, next(2..=2)?];
    parts.next().is_none().then_some(three)
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let number = |text: &str| -> Option<i64> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The civil calendar in eras of 400 years, whose years begin in March so that the leap day is the last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - EPOCH_DAY
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + EPOCH_DAY;
    let (era, day_of_era) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const DAY_SECONDS: i64 = 86_400;
const ERA_DAYS: i64 = 146_097;
/// 1970-01-01, counted from 0000-03-01.
const EPOCH_DAY: i64 = 719_468;

#[cfg(test)]
mod tests;
