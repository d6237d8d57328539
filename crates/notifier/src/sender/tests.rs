use std::time::Duration;

use push_sender::outcome::{Blame, NetworkFailure, Outcome};
use store::PushKind;

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
        let posted = posted(&outcome, PushKind::ImapWebPush);
        assert_eq!((posted.answer, posted.said.as_str()), (answer, said), "{outcome:?}");
    }
}

#[test]
fn a_put_is_given_up_where_a_push_service_is_waited_for() {
    let (blame, wait) = (Blame::Unknown, Duration::from_secs(7));
    let cases = [
        (Outcome::Unauthorized { status: 403, blame }, Answer::Refused),
        (Outcome::Unavailable { status: 500 }, Answer::Broken { retry_after: None }),
        (Outcome::RetryAfter { status: 503, wait }, Answer::Broken { retry_after: Some(wait) }),
        (Outcome::Unavailable { status: 429 }, Answer::TooMany { retry_after: None }),
        (Outcome::RetryAfter { status: 429, wait }, Answer::TooMany { retry_after: Some(wait) }),
    ];
    for (outcome, answer) in cases {
        assert_eq!(posted(&outcome, PushKind::HttpPut).answer, answer, "{outcome:?}");
    }
}

#[test]
fn only_410_of_apples_service_ends_a_subscription() {
    let blame = Blame::Unknown;
    let cases = [
        (Outcome::Gone { status: 410 }, Answer::Refused),
        (Outcome::Gone { status: 404 }, Answer::Unauthorized),
        (Outcome::Rejected { status: 400 }, Answer::Unauthorized),
        (Outcome::Unauthorized { status: 403, blame }, Answer::Unauthorized),
        (Outcome::Unavailable { status: 503 }, Answer::Failing { retry_after: None }),
    ];
    for (outcome, answer) in cases {
        assert_eq!(posted(&outcome, PushKind::Apple).answer, answer, "{outcome:?}");
    }
}
