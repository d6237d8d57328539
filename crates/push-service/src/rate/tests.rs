use super::*;

const TEN_A_SECOND: Rate = Rate { interval: Duration::from_millis(100), burst: 3 };

fn at(millis: i64) -> Instant {
    Instant::from_micros(millis * 1000)
}

#[test]
fn a_burst_passes_and_then_one_for_each_interval() {
    // (time in ms, wait in ms)
    let cases =
        [(0, 0), (0, 0), (0, 0), (0, 100), (50, 50), (100, 0), (100, 100), (1000, 0), (1000, 0), (1000, 0)];
    let limiter = RateLimiter::new(TEN_A_SECOND, 10);
    let mut allowance = Allowance::new(TEN_A_SECOND, at(0));
    for (step, (time, wait)) in cases.into_iter().enumerate() {
        let expected = if wait == 0 { Ok(()) } else { Err(Duration::from_millis(wait)) };
        assert_eq!(limiter.take("sender", at(time)), expected, "step {step}");
        assert_eq!(allowance.take(at(time)), expected, "step {step}");
    }
    assert_eq!(limiter.take("sender", at(1000)), Err(Duration::from_millis(100)));
}

#[test]
fn keys_do_not_share_a_rate() {
    let limiter = RateLimiter::new(TEN_A_SECOND, 10);
    for _ in 0..3 {
        limiter.take(1, at(0)).unwrap();
    }
    limiter.take(1, at(0)).unwrap_err();
    limiter.take(2, at(0)).unwrap();
}

#[test]
fn the_table_is_bounded_and_idle_keys_make_room() {
    let limiter = RateLimiter::new(TEN_A_SECOND, 2);
    for key in 0..100 {
        limiter.take(key, at(0)).unwrap();
    }
    assert_eq!(limiter.full_again.lock().len(), 2);
    limiter.take(100, at(5000)).unwrap();
    assert!(limiter.full_again.lock().contains_key(&100));
    limiter.forget_idle(at(60_000));
    assert_eq!(limiter.full_again.lock().len(), 0);
}

#[test]
fn a_clock_that_is_set_back_does_not_overflow() {
    let mut allowance = Allowance::new(TEN_A_SECOND, Instant::from_micros(i64::MAX));
    allowance.take(Instant::from_micros(i64::MIN)).unwrap_err();
}
