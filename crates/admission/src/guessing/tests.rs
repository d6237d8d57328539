use super::*;
use crate::peer::Peers;

const LIMITS: Limits = Limits {
    delay: Duration::from_secs(1),
    peer_failures: 5,
    account_failures: 12,
    ban: Duration::from_secs(600),
};

fn peer(number: u8) -> Option<Peer> {
    Peers::new(Vec::new()).of([192, 0, 2, number].into())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn answers_wait_longer_each_time_and_then_the_peer_is_banned() {
    let (guessing, start) = (Guessing::new(LIMITS), Instant::now());
    for (name, delay) in [("a", 1), ("b", 2), ("c", 4), ("d", 8)] {
        assert_eq!(guessing.may_try(peer(1), name, start), Ok(()));
        let cost = guessing.failed(peer(1), name, start);
        assert_eq!(cost, Cost { delay: seconds(delay), peer_banned: None, account_closed: None }, "{name}");
    }
    let cost = guessing.failed(peer(1), "e", start);
    assert_eq!((cost.delay, cost.peer_banned), (DELAY_MAX, Some(LIMITS.ban)));
    assert_eq!(guessing.may_connect(peer(1), start), Err(Banned { wait: LIMITS.ban }));
    assert_eq!(guessing.may_connect(peer(2), start), Ok(()), "another peer is not concerned");
    assert_eq!(guessing.may_connect(peer(1), start + LIMITS.ban), Ok(()));
}

#[test]
fn who_goes_on_after_a_ban_is_banned_for_longer() {
    let (guessing, mut now) = (Guessing::new(LIMITS), Instant::now());
    for ban in [600, 1200, 2400, 4800] {
        let costs: Vec<Cost> = (0..5).map(|_| guessing.failed(peer(1), "x", now)).collect();
        assert_eq!(costs.last().unwrap().peer_banned, Some(seconds(ban)));
        now += seconds(ban);
    }
    // Who stays away for long enough begins anew.
    now += LIMITS.ban;
    assert_eq!(guessing.failed(peer(1), "y", now).delay, LIMITS.delay);
}

#[test]
fn an_account_that_many_guess_at_is_closed_but_to_those_it_knows() {
    let (guessing, now) = (Guessing::new(LIMITS), Instant::now());
    guessing.succeeded(peer(200), "Alice", now);
    let costs: Vec<Cost> = (1..=12).map(|number| guessing.failed(peer(number), "alice", now)).collect();
    assert!(costs.iter().all(|cost| cost.peer_banned.is_none()), "each peer failed once");
    assert_eq!(costs.last().unwrap().account_closed, Some(LIMITS.ban));
    assert_eq!(guessing.may_try(peer(100), "ALICE", now), Err(Banned { wait: LIMITS.ban }));
    assert_eq!(guessing.may_try(None, "alice", now), Err(Banned { wait: LIMITS.ban }));
    assert_eq!(guessing.may_try(peer(200), "alice", now), Ok(()), "the owner is let in");
    assert_eq!(guessing.may_try(peer(100), "bob", now), Ok(()));
    assert_eq!(guessing.may_connect(peer(100), now), Ok(()));
    assert_eq!(guessing.may_try(peer(100), "alice", now + LIMITS.ban), Ok(()));
}

#[test]
fn who_mistypes_is_forgiven_and_who_is_trusted_not_counted() {
    let (guessing, now) = (Guessing::new(LIMITS), Instant::now());
    for round in 0..20 {
        let cost = guessing.failed(peer(1), &format!("name {round}"), now);
        assert_eq!(cost.peer_banned, None, "{round}");
        guessing.succeeded(peer(1), "alice", now);
        assert_eq!(guessing.failed(None, &format!("other {round}"), now).peer_banned, None);
    }
}

#[test]
fn the_memory_is_bounded() {
    let (guessing, now) = (Guessing::new(LIMITS), Instant::now());
    for number in 0..ENTRIES_MAX + 10 {
        guessing.failed(None, &number.to_string(), now);
    }
    assert!(guessing.memory.lock().accounts.len() <= ENTRIES_MAX);
}

#[test]
fn who_is_remembered_is_counted_and_known_however_full_the_memory_is() {
    let now = Instant::now();
    let banned = Failures { count: 0, bans: 1, last: now, until: Some(now + LIMITS.ban) };
    let mut all: HashMap<usize, Failures> = (1..ENTRIES_MAX).map(|number| (number, banned)).collect();
    for reached in 1..=2 {
        assert_eq!(count(&mut all, 0, (3, LIMITS.ban), now), (reached, None));
    }
    assert_eq!(all.len(), ENTRIES_MAX);
    assert_eq!(count(&mut all, 0, (3, LIMITS.ban), now), (3, Some(LIMITS.ban)));
    assert_eq!(count(&mut all, ENTRIES_MAX, (3, LIMITS.ban), now), (3, None), "no room for another");

    let guessing = Guessing::new(LIMITS);
    guessing.succeeded(peer(1), "alice", now);
    let later = now + KNOWN_TIME;
    let others = (1..ENTRIES_MAX).map(|number| ((format!("a{number}"), peer(2).unwrap()), later));
    guessing.memory.lock().known.extend(others);
    guessing.succeeded(peer(1), "alice", later);
    for _ in 0..LIMITS.account_failures {
        guessing.failed(None, "alice", later);
    }
    assert_eq!(guessing.may_try(peer(1), "alice", later), Ok(()));
    assert!(guessing.may_try(peer(3), "alice", later).is_err());
}
