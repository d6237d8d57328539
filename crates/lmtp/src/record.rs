//! What is told of the work: one log line for each transaction, and metrics.
//!
//! Addresses and content are personal data and are in neither. The account's number and MODSEQ are what joins a line
//! here to those of the pushes that it leads to.

use std::fmt::Write as _;
use std::time::Duration;

use delivery::Class;
use store::Delivered;

use crate::reply::Failure;

/// One connection in the metrics, for as long as it lives.
pub(crate) struct ConnectionRecord;

impl ConnectionRecord {
    pub(crate) fn new() -> Self {
        metrics::counter!("mailbell_lmtp_connections_total").increment(1);
        metrics::gauge!("mailbell_lmtp_connections").increment(1.0);
        Self
    }
}

impl Drop for ConnectionRecord {
    fn drop(&mut self) {
        metrics::gauge!("mailbell_lmtp_connections").decrement(1.0);
    }
}

/// A connection was turned away because there were too many.
pub(crate) fn connection_refused() {
    metrics::counter!("mailbell_lmtp_connections_refused_total").increment(1);
}

/// Tells of a transaction whose content came to its end: its mark, octets, outcomes, and the time from there on.
pub(crate) fn transaction(id: &str, bytes: u64, outcomes: &[Result<Delivered, Failure>], duration: Duration) {
    let delivered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let outcome = match outcomes {
        _ if delivered == outcomes.len() => "delivered",
        _ if delivered > 0 => "partly",
        [Err(failure), ..] => name(failure),
        _ => "none",
    };
    for each in outcomes {
        let outcome = each.as_ref().map_or_else(name, |_| "delivered");
        metrics::counter!("mailbell_lmtp_recipients_total", "outcome" => outcome).increment(1);
    }
    metrics::counter!("mailbell_lmtp_transactions_total", "outcome" => outcome).increment(1);
    metrics::histogram!("mailbell_lmtp_transaction_seconds").record(duration.as_secs_f64());
    metrics::counter!("mailbell_lmtp_message_bytes_total").increment(bytes);
    tracing::info!(
        transaction = id,
        outcome,
        recipients = outcomes.len(),
        delivered,
        size = bytes,
        duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        stored = stored(outcomes),
        "lmtp.transaction"
    );
    for failure in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        explain(id, failure);
    }
}

/// `account:modseq` of the first copies.
fn stored(outcomes: &[Result<Delivered, Failure>]) -> String {
    let mut text = String::new();
    for delivered in outcomes.iter().flatten().take(STORED_LOGGED_MAX) {
        let separator = if text.is_empty() { "" } else { " " };
        let changes = delivered.changes;
        let _ = write!(text, "{separator}{}:{}", changes.account, changes.modseq.0);
    }
    text
}

fn name(failure: &Failure) -> &'static str {
    match failure {
        Failure::Content(_) => "refused",
        Failure::Delivery(error) => match error.class() {
            Class::Refused => "refused",
            Class::Unavailable => "unavailable",
            Class::Bug => "bug",
        },
    }
}

/// Says why, at the level that the class of an error has.
fn explain(id: &str, failure: &Failure) {
    let Failure::Delivery(error) = failure else {
        tracing::debug!(transaction = id, ?failure, "lmtp.refused");
        return;
    };
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match error.class() {
        Class::Refused => tracing::debug!(transaction = id, %error, source, "lmtp.refused"),
        Class::Unavailable => tracing::warn!(transaction = id, %error, source, "lmtp.unavailable"),
        Class::Bug => tracing::error!(transaction = id, %error, source, "lmtp.bug"),
    }
}

/// Copies named in one log line; the metrics count them all.
const STORED_LOGGED_MAX: usize = 16;

#[cfg(test)]
mod tests;
