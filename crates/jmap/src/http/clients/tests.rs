use store::{NewAccount, Options, UnixTime};

use super::*;

/// A store with alice, who has logged in.
async fn logged_in(until: Option<UnixTime>) -> (Clients, Store, Authenticated, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { data_dir: directory.path().to_owned(), readers: 1 };
    let store = Store::open(options, bus::Bus::new()).await.unwrap();
    let new = NewAccount { name: "alice", password: "secret", quota_bytes: None };
    store.create_account(new).await.unwrap();
    let began = store.revocation_mark().await.unwrap();
    let access = store.authenticate("alice", "secret").await.unwrap().unwrap();
    (Clients::new(), store, Authenticated { access, master: None, until, began }, directory)
}

#[tokio::test]
async fn a_header_is_known_for_a_while_and_another_one_is_not() {
    let (clients, _store, alice, _directory) = logged_in(None).await;
    let at = Instant::now();
    clients.remember(b"Basic right", alice, Arc::from("alice"), at);
    assert!(clients.find(b"Basic right", at, 0).is_some());
    assert!(clients.find(b"Basic wrong", at, 0).is_none());
    assert!(clients.find(b"Basic right", at + KNOWN_TIME, 0).is_none());
}

#[tokio::test]
async fn a_token_is_known_no_longer_than_it_lives() {
    let (clients, _store, alice, _directory) = logged_in(Some(UnixTime(100))).await;
    let at = Instant::now();
    clients.remember(b"Bearer token", alice, Arc::from("alice"), at);
    assert!(clients.find(b"Bearer token", at, 99).is_some());
    assert!(clients.find(b"Bearer token", at, 100).is_none());
}

#[tokio::test]
async fn who_is_revoked_is_forgotten_and_ended() {
    let (clients, store, alice, _directory) = logged_in(None).await;
    let (at, mark) = (Instant::now(), alice.began);
    let (owner, client) =
        (alice.access.owner(), clients.remember(b"Basic old", alice, Arc::from("alice"), at));
    store.set_password(owner, "other").await.unwrap();
    let began = store.revocation_mark().await.unwrap();
    let access = store.authenticate("alice", "other").await.unwrap().unwrap();
    let later = Authenticated { access, master: None, until: None, began };
    let newer = clients.remember(b"Basic new", later, Arc::from("alice"), at);
    clients.revoke(&store.revocations_since(mark).await.unwrap());
    assert!(client.end.is_cancelled() && clients.find(b"Basic old", at, 0).is_none());
    assert!(!newer.end.is_cancelled() && clients.find(b"Basic new", at, 0).is_some());
}
