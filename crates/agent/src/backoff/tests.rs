use super::*;

#[test]
fn waits_double_up_to_the_longest_and_start_again_after_a_success() {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    let ceilings: Vec<_> = (0..9).map(|_| backoff.next_wait(u32::MAX).as_secs()).collect();
    assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    backoff.succeeded();
    assert_eq!(backoff.next_wait(u32::MAX).as_secs(), 1);
}

#[test]
fn waits_are_spread_between_a_tenth_and_the_whole() {
    let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(10));
    let cases = [(0, 1000), (u32::MAX / 2, 5499), (u32::MAX, 10_000)];
    for (random, millis) in cases {
        assert_eq!(backoff.next_wait(random).as_millis(), millis, "{random}");
    }
    for _ in 0..100 {
        assert!(backoff.next_wait(u32::MAX) <= Duration::from_secs(10));
    }
}
