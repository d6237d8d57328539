//! What is counted. Labels are bounded: an origin is one of the known push services, or `other`.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use url::{Host, Url};

use crate::outcome::Outcome;

pub(crate) const ATTEMPTS: &str = "mailbell_push_attempts_total";
const DURATION: &str = "mailbell_push_attempt_duration_seconds";
const CONNECTIONS: &str = "mailbell_push_connections";
pub(crate) const PAUSES: &str = "mailbell_push_origin_paused_total";

/// Tells the recorder what the metrics mean.
pub(crate) fn describe() {
    describe_counter!(ATTEMPTS, "attempts at a push, by push service, outcome and status class");
    describe_histogram!(
        DURATION,
        "seconds from the request to its outcome, waiting for a connection included"
    );
    describe_gauge!(CONNECTIONS, "open connections to push services");
    describe_counter!(PAUSES, "push services paused because they refuse our VAPID tokens; alert on any");
}

pub(crate) fn attempt(service: &'static str, outcome: &Outcome, duration: Duration) {
    let status = status_class(outcome.status());
    counter!(ATTEMPTS, "service" => service, "outcome" => outcome.class(), "status" => status).increment(1);
    histogram!(DURATION, "service" => service).record(duration.as_secs_f64());
}

pub(crate) fn paused(service: &'static str) {
    counter!(PAUSES, "service" => service).increment(1);
}

/// Counts a connection for as long as it lives.
pub(crate) struct Counted(());

pub(crate) fn connection_opened() -> Counted {
    gauge!(CONNECTIONS).increment(1);
    Counted(())
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1);
    }
}

/// The push service behind an endpoint, if it is one of those that most devices use.
pub(crate) fn service(endpoint: &Url) -> &'static str {
    let Some(Host::Domain(host)) = endpoint.host() else { return "other" };
    let known = SERVICES.iter().find(|(domain, _)| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    known.map_or("other", |(_, name)| name)
}

fn status_class(status: Option<u16>) -> &'static str {
    match status {
        None => "none",
        Some(200..=299) => "2xx",
        Some(400..=499) => "4xx",
        Some(500..=599) => "5xx",
        Some(_) => "3xx",
    }
}

const SERVICES: &[(&str, &str)] = &[
    ("push.services.mozilla.com", "mozilla"),
    ("fcm.googleapis.com", "google"),
    ("push.apple.com", "apple"),
    ("notify.windows.com", "microsoft"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_known_services_only() {
        let cases = [
            ("https://updates.push.services.mozilla.com/wpush/v2/x", "mozilla"),
            ("https://fcm.googleapis.com/fcm/send/x", "google"),
            ("https://web.push.apple.com/x", "apple"),
            ("https://wns2-am3p.notify.windows.com/w/?token=x", "microsoft"),
            ("https://evilfcm.googleapis.com/", "other"),
            ("https://fcm.googleapis.com.evil.example/", "other"),
            ("https://8.8.8.8/", "other"),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(service(&Url::parse(endpoint).expect("a URL")), expected, "{endpoint}");
        }
    }
}
