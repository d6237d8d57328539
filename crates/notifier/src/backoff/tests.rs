use super::*;

const LOW: Draw = Draw(0);
const HIGH: Draw = Draw(u32::MAX);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_answer_decides_whether_the_subscription_stays() {
    let cases = [
        (Answer::Taken, 19, Detail::Full, Next::Told),
        (Answer::TooLarge, 0, Detail::Full, Next::Smaller),
        (Answer::TooLarge, 0, Detail::Summary, Next::Remove),
        (Answer::Refused, 0, Detail::Full, Next::Remove),
        (Answer::Unreachable, 18, Detail::Full, Next::Wait { wait: seconds(1), failures: 19 }),
        (Answer::Unreachable, 19, Detail::Full, Next::Deactivate),
        (
            Answer::Broken { retry_after: None },
            18,
            Detail::Full,
            Next::Wait { wait: seconds(1), failures: 19 },
        ),
        (Answer::Broken { retry_after: Some(seconds(9)) }, 19, Detail::Full, Next::Deactivate),
        (Answer::Unauthorized, 0, Detail::Full, Next::Wait { wait: seconds(300), failures: 1 }),
        (Answer::Unauthorized, 19, Detail::Full, Next::Deactivate),
    ];
    for (answer, failures, detail, expected) in cases {
        assert_eq!(next(answer, failures, detail, LOW), expected, "{answer:?} after {failures}");
    }
}

#[test]
fn every_wait_lies_between_its_bounds() {
    let busy = |retry_after: Option<u64>| Answer::TooMany { retry_after: retry_after.map(seconds) };
    let failing = |retry_after: Option<u64>| Answer::Failing { retry_after: retry_after.map(seconds) };
    let cases = [
        (busy(Some(100)), 3, 100..=120, 0),
        (busy(None), 3, 300..=360, 0),
        (failing(None), 3, 300..=360, 0),
        (failing(Some(7200)), 3, 7200..=8640, 0),
        (Answer::Broken { retry_after: None }, 7, 1..=3600, 8),
        (Answer::Broken { retry_after: Some(seconds(7200)) }, 7, 7200..=8640, 8),
        (Answer::Withheld { wait: seconds(60) }, 3, 60..=72, 3),
        (Answer::Unreachable, 0, 1..=30, 1),
        (Answer::Unreachable, 1, 1..=60, 2),
        (Answer::Unreachable, 6, 1..=1920, 7),
        (Answer::Unreachable, 7, 1..=3600, 8),
        (Answer::Unreachable, 18, 1..=3600, 19),
    ];
    for (answer, failures, bounds, failures_then) in cases {
        for (draw, at_edge) in [(LOW, *bounds.start()), (HIGH, *bounds.end())] {
            let Next::Wait { wait, failures: counted } = next(answer, failures, Detail::Full, draw) else {
                panic!("{answer:?} has no wait");
            };
            assert!(seconds(at_edge).abs_diff(wait) < seconds(1), "{answer:?} {draw:?}: {wait:?}");
            assert_eq!(counted, failures_then, "{answer:?}");
        }
    }
}

#[test]
fn a_hostile_retry_after_overflows_nothing() {
    let answer = Answer::TooMany { retry_after: Some(Duration::from_secs(u64::from(u32::MAX))) };
    assert!(matches!(next(answer, 0, Detail::Full, HIGH), Next::Wait { .. }));
}
