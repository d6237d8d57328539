//! An origin's standing, in virtual time.

use super::*;
use crate::outcome::NetworkFailure;

struct World {
    standings: Standings,
    start: Instant,
}

impl World {
    fn new() -> Self {
        Self { standings: Standings::default(), start: Instant::now() }
    }

    /// Records an outcome of the endpoint with this number, so many seconds after the start.
    fn record(&self, seconds: u64, number: u32, mut outcome: Outcome) -> (Outcome, Verdict) {
        let endpoint = Url::parse(&format!("https://push.example.net/p/{number}")).expect("a URL");
        let now = self.start + Duration::from_secs(seconds);
        let verdict = self.standings.record(&origin(), &endpoint, &mut outcome, now);
        (outcome, verdict)
    }

    fn wait(&self, seconds: u64) -> u64 {
        self.standings.wait(&origin(), self.start + Duration::from_secs(seconds)).as_secs()
    }
}

fn origin() -> Origin {
    Origin::parse("https://push.example.net").expect("an origin")
}

fn refused() -> Outcome {
    Outcome::Unauthorized { status: 403, blame: Blame::Unknown }
}

fn blamed(blame: Blame) -> Outcome {
    Outcome::Unauthorized { status: 403, blame }
}

fn accepted() -> Outcome {
    Outcome::Accepted { status: 201, location: None }
}

fn retry_after(seconds: u64, status: u16) -> Outcome {
    Outcome::RetryAfter { wait: Duration::from_secs(seconds), status }
}

#[test]
fn retry_after_holds_for_the_whole_origin_within_limits() {
    let cases = [
        (retry_after(30, 503), 30),
        (retry_after(30, 429), 30),
        (retry_after(86_400, 503), UNAVAILABLE_WAIT_MAX.as_secs()),
        (retry_after(86_400, 429), TOO_MANY_WAIT_MAX.as_secs()),
        (Outcome::Unavailable { status: 500 }, 0),
        (Outcome::Gone { status: 410 }, 0),
        (Outcome::Network(NetworkFailure::Timeout), 0),
        (accepted(), 0),
    ];
    for (outcome, expected) in cases {
        let world = World::new();
        assert_eq!(world.wait(0), 0);
        assert_eq!(world.record(0, 1, outcome.clone()), (outcome.clone(), Verdict::Fine));
        assert_eq!(world.wait(0), expected, "{outcome:?}");
        assert_eq!(world.wait(expected), 0);
    }
}

#[test]
fn a_shorter_wait_does_not_cut_a_longer_one() {
    let world = World::new();
    world.record(0, 1, retry_after(60, 503));
    world.record(1, 2, retry_after(5, 503));
    world.record(2, 3, accepted());
    assert_eq!(world.wait(2), 58);
}

#[test]
fn many_refused_subscriptions_mean_that_the_fault_is_ours() {
    let world = World::new();
    for number in 1..5 {
        assert_eq!(world.record(0, number, refused()), (blamed(Blame::Unknown), Verdict::Fine));
    }
    // The same subscription again is no further witness.
    assert_eq!(world.record(1, 4, refused()), (blamed(Blame::Unknown), Verdict::Fine));
    assert_eq!(world.wait(1), 0);
    assert_eq!(world.record(2, 5, refused()), (blamed(Blame::Us), Verdict::Paused));
    assert_eq!(world.wait(2), PAUSE.as_secs());
}

#[test]
fn a_refused_subscription_is_to_blame_where_others_are_accepted() {
    let world = World::new();
    world.record(0, 100, accepted());
    for number in 0..20 {
        assert_eq!(world.record(1, number, refused()), (blamed(Blame::Subscription), Verdict::Fine));
    }
    // An hour later that no longer says anything.
    assert_eq!(world.record(3601, 1, refused()), (blamed(Blame::Unknown), Verdict::Fine));
    assert_eq!(world.wait(3601), 0);
}

#[test]
fn an_accepted_push_clears_what_was_refused_before() {
    let world = World::new();
    for number in 1..5 {
        world.record(0, number, refused());
    }
    world.record(1, 9, accepted());
    assert_eq!(world.record(3700, 5, refused()), (blamed(Blame::Unknown), Verdict::Fine));
}

#[test]
fn endpoints_that_lead_nowhere_take_no_room() {
    let world = World::new();
    for outcome in [
        Outcome::Network(NetworkFailure::Resolve),
        Outcome::Deferred { wait: Duration::from_secs(1) },
        Outcome::Unavailable { status: 500 },
    ] {
        world.record(0, 1, outcome);
    }
    assert_eq!(world.standings.all.lock().len(), 0);
}

#[test]
fn the_number_of_origins_is_bounded_and_old_ones_are_forgotten() {
    let world = World::new();
    let endpoint = Url::parse("https://push.example.net/").expect("a URL");
    let fill = |seconds: u64| {
        for number in 0..=ORIGINS_MAX {
            let origin = Origin::parse(&format!("https://{number}.example")).expect("an origin");
            let now = world.start + Duration::from_secs(seconds);
            world.standings.record(&origin, &endpoint, &mut retry_after(10, 503), now);
        }
        world.standings.all.lock().len()
    };
    assert_eq!(fill(0), ORIGINS_MAX);
    world.record(0, 1, retry_after(10, 503));
    assert_eq!(world.wait(0), 0, "one too many is not kept");
    world.record(4000, 1, retry_after(10, 503));
    assert_eq!(world.wait(4000), 10, "the old ones made room");
    world.standings.sweep(world.start + Duration::from_secs(8000));
    assert_eq!(world.standings.all.lock().len(), 0);
}
