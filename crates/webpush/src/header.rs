//! The header fields of a push message (RFC 8030 §5) and of its answer (RFC 9110 §10.2.3), as values.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// The value of a header field breaks its grammar. A push service answers 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {field} header field")]
pub struct MalformedHeader {
    /// The name of the header field.
    pub field: &'static str,
}

/// How long a push service keeps an undelivered message (RFC 8030 §5.2), in seconds. 0: delivered now or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

impl Ttl {
    /// Takes a number of seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The same as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl FromStr for Ttl {
    type Err = MalformedHeader;

    /// `TTL = 1*DIGIT`. What is larger than 136 years counts as that.
    fn from_str(text: &str) -> Result<Self, MalformedHeader> {
        let seconds = digits(text).ok_or(MalformedHeader { field: "TTL" })?;
        Ok(Self(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// How urgent a message is (RFC 8030 §5.3). A user agent that asks for a least urgency gets that and all above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Urgency {
    /// On power and Wi-Fi.
    VeryLow,
    /// On either power or Wi-Fi.
    Low,
    /// On neither power nor Wi-Fi; what a message without the header field has.
    #[default]
    Normal,
    /// Low battery.
    High,
}

impl Urgency {
    /// All of them, the least urgent first.
    pub const ALL: [Self; 4] = [Self::VeryLow, Self::Low, Self::Normal, Self::High];

    /// The value of the header field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

impl FromStr for Urgency {
    type Err = MalformedHeader;

    /// RFC 5234 §2.3: strings in ABNF are read without regard to letter case.
    fn from_str(text: &str) -> Result<Self, MalformedHeader> {
        Self::ALL
            .into_iter()
            .find(|urgency| urgency.as_str().eq_ignore_ascii_case(text))
            .ok_or(MalformedHeader { field: "Urgency" })
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a message replaces (RFC 8030 §5.4): the undelivered message of the same topic. 1 to 32 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(String);

impl Topic {
    /// The most characters that a topic has.
    pub const CHARS_MAX: usize = 32;

    /// The topic.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = MalformedHeader;

    fn from_str(text: &str) -> Result<Self, MalformedHeader> {
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(base64url) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedHeader { field: "Topic" })
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How long to wait before the next try, as an answer says (RFC 9110 §10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Reads the value of a `Retry-After` header field: seconds, or an HTTP-date of which what is past means now.
    /// A date in any of the three forms of RFC 9110 §5.6.7 is taken. The wait is as long as the sender of the answer
    /// likes; the caller puts its own limit on it.
    ///
    /// # Errors
    /// [`MalformedHeader`].
    pub fn parse(text: &str, now: SystemTime) -> Result<Self, MalformedHeader> {
        let text = text.trim_matches([' ', '\t']);
        if let Some(seconds) = digits(text) {
            return Ok(Self(Duration::from_secs(seconds)));
        }
        let date = httpdate::parse_http_date(text).map_err(|_| MalformedHeader { field: "Retry-After" })?;
        Ok(Self(date.duration_since(now).unwrap_or_default()))
    }
}

impl fmt::Display for RetryAfter {
    /// The form in seconds, rounded up so that nobody comes too early.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.as_secs().saturating_add(u64::from(self.0.subsec_nanos() > 0)))
    }
}

/// `1*DIGIT`; what does not fit counts as the largest number.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}
