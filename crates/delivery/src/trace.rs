//! The trace header that final delivery puts before a message (RFC 5321 §4.4).

use std::fmt::Write as _;
use std::net::IpAddr;

use store::UnixTime;

use crate::Address;

/// What the trace header says.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// Where bounces go; `None` is the null reverse-path.
    pub reverse_path: Option<&'a Address>,
    /// What this host calls itself.
    pub hostname: &'a str,
    /// What the client calls itself: a domain or an address literal, ASCII.
    pub client: &'a str,
    /// Where it is.
    pub peer: Peer,
    /// How the message came.
    pub protocol: Protocol,
    /// The receiver's own mark for this message, an atom: the same stands in its log.
    pub id: &'a str,
    /// When it came.
    pub received_at: UnixTime,
}

/// Where the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// At this address.
    Tcp(IpAddr),
    /// On this host, through a Unix socket.
    Unix,
}

/// The transmission type of RFC 3848 §2, and of RFC 6531 §4.3 where SMTPUTF8 was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `LMTP`
    Lmtp,
    /// `LMTPS`: after STARTTLS.
    Lmtps,
    /// `UTF8LMTP`
    Utf8Lmtp,
    /// `UTF8LMTPS`
    Utf8Lmtps,
}

impl Trace<'_> {
    /// `Return-Path` and `Received`, each line ended by CRLF.
    pub(crate) fn header(&self) -> String {
        let mut header = String::with_capacity(HEADER_BYTES_USUAL);
        let _ = match self.reverse_path {
            Some(address) => write!(header, "Return-Path: <{address}>\r\n"),
            None => write!(header, "Return-Path: <>\r\n"),
        };
        let _ = write!(header, "Received: from {}", self.client);
        // RFC 5321 §4.1.3: IPv6 literals are tagged.
        let _ = match self.peer {
            Peer::Tcp(IpAddr::V4(address)) => write!(header, " ([{address}])"),
            Peer::Tcp(IpAddr::V6(address)) => write!(header, " ([IPv6:{address}])"),
            Peer::Unix => Ok(()),
        };
        let _ = write!(
            header,
            "\r\n\tby {} with {} id {};\r\n\t{}\r\n",
            self.hostname,
            self.protocol.name(),
            self.id,
            date_time(self.received_at)
        );
        header
    }
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Lmtp => "LMTP",
            Self::Lmtps => "LMTPS",
            Self::Utf8Lmtp => "UTF8LMTP",
            Self::Utf8Lmtps => "UTF8LMTPS",
        }
    }
}

/// RFC 5322 §3.3: `date-time`, in UTC.
fn date_time(time: UnixTime) -> String {
    let days = time.0.div_euclid(DAY_SECONDS);
    let second_of_day = time.0.rem_euclid(DAY_SECONDS);
    let (year, month, day) = civil(days);
    // 1970-01-01 was a Thursday.
    let weekday = pick(&["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"], days.rem_euclid(7));
    let month = pick(
        &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        month.saturating_sub(1),
    );
    format!(
        "{weekday}, {day} {month} {year} {:02}:{:02}:{:02} +0000",
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60
    )
}

fn pick(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("???")
}

/// Year, month (1..=12) and day (1..=31) of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Counted in eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

const DAY_SECONDS: i64 = 86_400;
const HEADER_BYTES_USUAL: usize = 256;

#[cfg(test)]
mod tests;
