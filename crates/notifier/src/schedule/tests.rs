use super::*;

const PACE: Pace = Pace { delivery_interval: Duration::from_secs(1), min_interval: Duration::from_secs(5) };
const LIMITS: Limits = Limits {
    tasks: 8,
    origin_tasks: 3,
    unproven_origin_tasks: 2,
    slots: 100,
    horizon: Duration::from_secs(120),
};

fn key(id: u64, origin: &str) -> Key {
    let origin = Origin::parse(&format!("https://{origin}.example")).expect("an origin");
    Key { id: PushSubscriptionId(id), origin }
}

fn board() -> Board {
    Board::new(LIMITS, PACE)
}

fn take_all(board: &mut Board, now: u64) -> Vec<u64> {
    std::iter::from_fn(|| board.take(Tick(now)).map(|turn| turn.id.0)).collect()
}

fn finish(board: &mut Board, id: u64, how: Finish, now: u64) {
    board.finish(PushSubscriptionId(id), how, OriginNews::Proven, Tick(now));
}

#[test]
fn what_is_left_after_an_attempt_depends_on_how_it_ended() {
    let pushed = Finish::Pushed { more: false };
    // How it ended at 10 s, whether it was woken meanwhile, and when it is taken again.
    let cases = [
        (Finish::Quiet, false, None),
        (Finish::Quiet, true, Some(10_000)),
        (pushed, false, None),
        (pushed, true, Some(11_000)),
        (Finish::Pushed { more: true }, false, Some(11_000)),
        (Finish::Later(Tick(14_000)), false, Some(14_000)),
        (Finish::Later(Tick(14_000)), true, Some(10_000)),
        (Finish::Barred(Tick(99_000)), false, Some(99_000)),
        (Finish::Barred(Tick(99_000)), true, Some(99_000)),
        (Finish::Barred(Tick(999_000)), false, None),
        (Finish::Smaller, false, Some(10_000)),
        (Finish::Gone, false, None),
        (Finish::Gone, true, Some(10_000)),
    ];
    for (how, woken, expected) in cases {
        let mut board = board();
        board.wake(&key(1, "a"), Tick(9_000));
        assert_eq!(take_all(&mut board, 9_000), [1]);
        if woken {
            board.wake(&key(1, "a"), Tick(9_500));
            assert_eq!(take_all(&mut board, 9_500), [0; 0], "one in flight, {how:?}");
        }
        finish(&mut board, 1, how, 10_000);
        let next = (10_000..100_000).step_by(500).find(|&now| board.take(Tick(now)).is_some());
        assert_eq!(next, expected, "{how:?}, woken: {woken}");
        assert_eq!(board.is_empty(), expected.is_none(), "{how:?}: a slot without a task is given back");
    }
}

#[test]
fn the_first_push_leaves_at_once_and_the_next_after_its_interval() {
    let cases = [
        (None, true, None),
        (None, false, None),
        (Some(9_500), true, Some(10_500)),
        (Some(9_000), true, None),
        (Some(9_000), false, Some(14_000)),
        (Some(5_000), false, None),
    ];
    for (last, mail, expected) in cases {
        let held = PACE.held_until(last.map(Tick), mail, Tick(10_000));
        assert_eq!(held, expected.map(Tick), "last push {last:?}, mail {mail}");
    }
}

#[test]
fn a_wait_that_the_push_service_demanded_outlasts_every_wake() {
    let mut board = board();
    board.wake(&key(1, "a"), Tick(0));
    take_all(&mut board, 0);
    finish(&mut board, 1, Finish::Barred(Tick(60_000)), 0);
    for now in (0..60_000).step_by(1000) {
        board.wake(&key(1, "a"), Tick(now));
        assert_eq!(take_all(&mut board, now), [0; 0], "at {now}");
    }
    assert_eq!(board.next_tick(), Some(Tick(60_000)));
    assert_eq!(take_all(&mut board, 60_000), [1]);
}

type Phase = (&'static str, fn(&mut Board));

#[test]
fn an_altered_subscription_begins_anew_in_whatever_phase_it_was() {
    let moved = key(1, "b");
    let phases: [Phase; 4] = [
        ("barred", |board| {
            take_all(board, 0);
            finish(board, 1, Finish::Barred(Tick(60_000)), 0);
        }),
        ("resting", |board| {
            take_all(board, 0);
            finish(board, 1, Finish::Pushed { more: false }, 0);
        }),
        ("waiting", |_| ()),
        ("ready", |board| board.promote(Tick(0))),
    ];
    for (phase, reach) in phases {
        let mut board = board();
        board.wake(&key(1, "a"), Tick(0));
        reach(&mut board);
        board.alter(PushSubscriptionId(1));
        board.wake(&moved, Tick(10));
        assert_eq!(take_all(&mut board, 10), [1], "{phase}");
        finish(&mut board, 1, Finish::Quiet, 10);
        assert!(board.is_empty(), "{phase}");
    }
}

#[test]
fn a_push_that_got_through_ends_the_wait_after_failures() {
    let mut board = board();
    board.wake(&key(1, "a"), Tick(0));
    take_all(&mut board, 0);
    // What is in flight settles its wait by itself.
    board.lift(PushSubscriptionId(1));
    finish(&mut board, 1, Finish::Barred(Tick(60_000)), 0);
    board.wake(&key(1, "a"), Tick(10));
    assert_eq!(take_all(&mut board, 10), [0; 0]);
    board.lift(PushSubscriptionId(1));
    board.wake(&key(1, "a"), Tick(20));
    assert_eq!(take_all(&mut board, 20), [1]);
}

#[test]
fn what_an_attempt_finds_out_about_a_former_endpoint_is_forgotten() {
    let mut board = board();
    board.wake(&key(1, "a"), Tick(0));
    take_all(&mut board, 0);
    board.alter(PushSubscriptionId(1));
    board.wake(&key(1, "b"), Tick(10));
    finish(&mut board, 1, Finish::Barred(Tick(60_000)), 20);
    assert_eq!(take_all(&mut board, 20), [1]);
}

#[test]
fn one_origin_never_has_more_in_flight_than_its_bound() {
    let mut board = board();
    for id in 1..=10 {
        board.wake(&key(id, "a"), Tick(0));
    }
    assert_eq!(take_all(&mut board, 0), [1, 2], "unproven");
    finish(&mut board, 1, Finish::Gone, 0);
    assert_eq!(take_all(&mut board, 0), [3, 4], "proven by its first answer");
    board.finish(PushSubscriptionId(2), Finish::Gone, OriginNews::Slow, Tick(0));
    assert_eq!(take_all(&mut board, 0), [0; 0], "slow: no more than two");
    assert_eq!(board.in_flight(), 2);
}

#[test]
fn any_number_of_dead_origins_leaves_half_of_the_tasks_to_the_others() {
    let mut board = board();
    board.wake(&key(1000, "good"), Tick(0));
    take_all(&mut board, 0);
    finish(&mut board, 1000, Finish::Gone, 0);
    for id in 0..50 {
        board.wake(&key(id, &format!("dead{id}")), Tick(1));
    }
    assert_eq!(take_all(&mut board, 1).len(), LIMITS.tasks / 2);
    for id in 1000..1010 {
        board.wake(&key(id, "good"), Tick(2));
    }
    assert_eq!(take_all(&mut board, 2), [1000, 1001, 1002]);
    finish(&mut board, 1001, Finish::Gone, 2);
    assert_eq!(take_all(&mut board, 2), [1003], "the others go on while the dead hang");
}

#[test]
fn an_origin_that_is_left_alone_is_so_by_all_its_subscriptions() {
    let mut board = board();
    for id in 1..=4 {
        board.wake(&key(id, "a"), Tick(0));
    }
    board.wake(&key(9, "other"), Tick(0));
    assert_eq!(take_all(&mut board, 0), [1, 9, 2], "two of the unproven origin");
    board.finish(PushSubscriptionId(1), Finish::Gone, OriginNews::Holds(Tick(30_000)), Tick(0));
    board.wake(&key(5, "a"), Tick(1));
    for now in [1, 29_999] {
        assert_eq!(take_all(&mut board, now), [0; 0], "at {now}");
    }
    finish(&mut board, 2, Finish::Gone, 29_999);
    assert_eq!(take_all(&mut board, 30_000), [3, 4, 5]);
}

#[test]
fn slots_have_a_limit_beyond_which_wakes_are_left_to_the_sweep() {
    let mut board = board();
    for id in 0..200 {
        board.wake(&key(id, "a"), Tick(0));
    }
    assert_eq!(board.len(), LIMITS.slots);
}
