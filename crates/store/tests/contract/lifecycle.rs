use store::{Error, Options, Store};

use crate::home::{Home, message};

const MAIL: &str = "Subject: kept\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n";

#[tokio::test]
async fn a_backup_holds_everything_and_a_restored_store_is_taken_for_no_other() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let small = home.append(&alice, "INBOX", MAIL).await.placed;
    let large = home.append(&alice, "INBOX", &"x".repeat(300_000)).await.placed;
    let (copy, again) = (home.directory.path().join("copy"), home.directory.path().join("again"));
    home.store.backup(copy.clone()).await.unwrap();
    home.append(&alice, "INBOX", "after the backup").await;
    assert!(matches!(home.store.backup(copy.clone()).await, Err(Error::Exists(_))));

    store::restore(copy, again.clone()).await.unwrap();
    let restored = Store::open(Options { data_dir: again, readers: 1 }, bus::Bus::new()).await.unwrap();
    assert_eq!(restored.raw(&alice, small.message).await.unwrap(), MAIL);
    assert_eq!(restored.raw(&alice, large.message).await.unwrap().len(), 300_000);
    assert_eq!(restored.check().await.unwrap().problems, [""; 0]);
    assert_eq!(restored.epoch().await.unwrap(), home.store.epoch().await.unwrap() + 1);
    for (old, new) in
        home.store.mailboxes(&alice).await.unwrap().iter().zip(restored.mailboxes(&alice).await.unwrap())
    {
        assert_eq!(old.name, new.name);
        assert!(new.uid_validity > old.uid_validity, "{:?}", new.name);
    }
    let next = restored.append(&alice, message("INBOX", MAIL)).await.unwrap().placed;
    assert!(next.message.0 > large.message.0 + 1, "an id given after the backup is given again");
}

#[tokio::test]
async fn nothing_is_restored_from_nothing() {
    let home = Home::new().await;
    let path = |name: &str| home.directory.path().join(name);
    assert!(matches!(store::restore(path("none"), path("to")).await, Err(Error::NotFound(_))));
    assert!(!path("to").exists());
}

#[tokio::test]
async fn closing_twice_is_no_error_and_later_calls_say_unavailable() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    home.store.close().await.unwrap();
    home.store.close().await.unwrap();
    assert!(matches!(home.store.mailboxes(&alice).await, Err(Error::Unavailable(_))));
    assert!(matches!(home.store.append(&alice, message("INBOX", MAIL)).await, Err(Error::Unavailable(_))));
}
