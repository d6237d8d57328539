use std::collections::BTreeSet;
use std::time::Duration;

use super::Bus;

async fn silent(future: impl Future) -> bool {
    tokio::time::timeout(Duration::from_millis(20), future).await.is_err()
}

#[tokio::test]
async fn a_wake_reaches_every_watcher_of_its_account_and_no_other() {
    let bus = Bus::new();
    let (mut first, mut second, mut other) = (bus.watch(1), bus.watch(1), bus.watch(2));
    bus.wake(1);
    first.changed().await;
    second.changed().await;
    assert!(silent(other.changed()).await);
}

#[tokio::test]
async fn wakes_that_nobody_awaited_are_merged_into_one() {
    let bus = Bus::new();
    let mut watch = bus.watch(1);
    bus.wake(1);
    bus.wake(1);
    watch.changed().await;
    assert!(silent(watch.changed()).await);
}

#[tokio::test]
async fn a_cancelled_wait_loses_no_wake() {
    let bus = Bus::new();
    let mut watch = bus.watch(1);
    assert!(silent(watch.changed()).await);
    bus.wake(1);
    watch.changed().await;
}

#[tokio::test]
async fn a_tap_takes_all_woken_accounts_at_once() {
    let bus = Bus::new();
    let mut tap = bus.tap();
    for account in [3, 1, 3] {
        bus.wake(account);
    }
    assert_eq!(tap.woken().await, BTreeSet::from([1, 3]));
    assert!(silent(tap.woken()).await);
}

#[tokio::test]
async fn nothing_is_kept_of_an_account_that_nobody_watches_any_more() {
    let bus = Bus::new();
    let first = bus.watch(1);
    let second = bus.watch(1);
    drop(first);
    assert_eq!(bus.inner.accounts.lock().len(), 1);
    drop(second);
    assert!(bus.inner.accounts.lock().is_empty());
    drop(bus.tap());
    assert!(bus.inner.taps.lock().is_empty());
}
