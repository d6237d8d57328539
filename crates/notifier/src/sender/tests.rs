use std::time::Duration;

use push_sender::outcome::{Blame, NetworkFailure, Outcome};

use super::posted;
use crate::backoff::Answer;

#[test]
fn every_outcome_has_its_meaning_for_the_notifier() {
    let wait = Duration::from_secs(7);
    let cases = [
        (Outcome::Accepted { status: 201, location: None }, Answer::Taken, "201"),
        (Outcome::RetryAfter { status: 429, wait }, Answer::TooMany { retry_after: Some(wait) }, "429"),
        (Outcome::RetryAfter { status: 503, wait }, Answer::Failing { retry_after: Some(wait) }, "503"),
        (Outcome::Unavailable { status: 429 }, Answer::TooMany { retry_after: None }, "429"),
        (Outcome::Unavailable { status: 500 }, Answer::Failing { retry_after: None }, "500"),
        (Outcome::Gone { status: 410 }, Answer::Refused, "410"),
        (Outcome::Rejected { status: 400 }, Answer::Refused, "400"),
        (Outcome::TooLarge, Answer::TooLarge, "413"),
        (Outcome::Unauthorized { status: 403, blame: Blame::Subscription }, Answer::Refused, "403"),
        (Outcome::Unauthorized { status: 401, blame: Blame::Unknown }, Answer::Unauthorized, "401"),
        (
            Outcome::Unauthorized { status: 401, blame: Blame::Us },
            Answer::Failing { retry_after: None },
            "401",
        ),
        (Outcome::Redirected { status: 302 }, Answer::Unreachable, "302"),
        (Outcome::Network(NetworkFailure::Timeout), Answer::Unreachable, "timeout"),
        (Outcome::Deferred { wait }, Answer::Withheld { wait }, "deferred"),
        (Outcome::Withdrawn, Answer::Withheld { wait: Duration::ZERO }, "withdrawn"),
    ];
    for (outcome, answer, said) in cases {
        let posted = posted(&outcome);
        assert_eq!((posted.answer, posted.said.as_str()), (answer, said), "{outcome:?}");
    }
}
