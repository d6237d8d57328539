//! Dates of HTTP (RFC 9110 §5.6.7), rendered once a second.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// The present, for the `Date` field (RFC 9110 §6.6.1).
#[must_use]
pub fn now() -> HeaderValue {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(last, value)| {
        if *last != second {
            *last = second;
            *value = of(now);
        }
        value.clone()
    })
}

/// A time in whole seconds, as it stands in a field.
#[must_use]
pub fn of(time: SystemTime) -> HeaderValue {
    // A formatted date has only characters that a field may have.
    HeaderValue::try_from(httpdate::fmt_http_date(time)).unwrap_or(HeaderValue::from_static(""))
}

thread_local! {
    static LAST: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) };
}
