use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::still_wanted;
use crate::testing::Home;
use crate::upkeep::round;
use crate::{MessageId, TextCandidates, UnixTime};

fn mail(subject: &str, body: &str) -> String {
    format!("From: Ann <ann@example.org>\r\nSubject: {subject}\r\n\r\n{body}\r\n")
}

async fn ask(home: &Home, text: &str) -> Option<TextCandidates> {
    home.store.text_candidates(&home.alice, &message::fold(text)).await
}

async fn named(home: &Home, text: &str) -> Vec<MessageId> {
    ask(home, text).await.unwrap().messages
}

async fn problems(home: &Home) -> Vec<String> {
    home.store.check().await.unwrap().problems
}

#[tokio::test]
async fn the_index_names_what_holds_a_text_in_header_or_body() {
    let home = Home::new().await.unwrap();
    assert_eq!(ask(&home, "lunch").await, None, "there is no index yet");
    let first = home.append(&mail("Lunch", "Noon?")).await.unwrap().message;
    let second = home.append(&mail("=?utf-8?b?R3LDvMOfZQ==?=", "Afternoon")).await.unwrap().message;
    home.store.index_now(&home.alice).await.unwrap();
    let cases: [(&str, &[MessageId]); 7] = [
        ("LUNCH", &[first]),
        ("noon", &[first, second]),
        ("grüße", &[second]),
        ("subject: lunch", &[first]),
        ("Ann <ann@example.org>", &[first, second]),
        ("\"quoted\"", &[]),
        ("lunch and more", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(named(&home, text).await, expected, "{text}");
    }
    assert_eq!(ask(&home, "no").await, None, "too short");
    let third = home.append(&mail("Lunch", "again")).await.unwrap().message;
    let lunch = ask(&home, "lunch").await.unwrap();
    assert!(!lunch.rules_out(first) && lunch.rules_out(second));
    assert!(!lunch.rules_out(third), "what is not indexed yet is not ruled out");
    home.store.index_now(&home.alice).await.unwrap();
    assert_eq!(named(&home, "lunch").await, [first, third]);
    assert_eq!(problems(&home).await, Vec::<String>::new());
}

#[tokio::test]
async fn no_message_that_holds_a_text_is_ruled_out() {
    // A small alphabet, so that texts share most of their trigrams.
    let letters = ['a', 'b', 'Ä', 'ß', ' ', '"', '*', 'Σ'];
    let mut state = 7_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut text = |length: usize| -> String { (0..length).map(|_| letters[draw(letters.len())]).collect() };
    let home = Home::new().await.unwrap();
    let mut messages = Vec::new();
    for _ in 0..150 {
        let body = text(40);
        let raw = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{body}");
        messages.push((home.append(&raw).await.unwrap().message, message::fold(&body)));
    }
    home.store.index_now(&home.alice).await.unwrap();
    for length in (3..30).cycle().take(200) {
        let needle = message::fold(&text(length));
        let candidates = home.store.text_candidates(&home.alice, &needle).await.unwrap();
        for (message, body) in &messages {
            assert!(!(body.contains(&needle) && candidates.rules_out(*message)), "{needle:?} in {body:?}");
        }
    }
}

#[tokio::test]
async fn what_is_expunged_leaves_the_index() {
    let home = Home::new().await.unwrap();
    let first = home.append(&mail("Lunch", "Noon?")).await.unwrap();
    let second = home.append(&mail("Lunch", "One?")).await.unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    home.expunge(&first).await.unwrap();
    assert_eq!(problems(&home).await, Vec::<String>::new(), "it is known to be on its way");
    home.store.index_now(&home.alice).await.unwrap();
    assert_eq!(named(&home, "lunch").await, [second.message]);
    // Also if the log no longer says so.
    let third = home.append(&mail("Lunch", "Two?")).await.unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    home.expunge(&second).await.unwrap();
    round(home.store.inner(), UnixTime(crate::store::now().0 + 31 * 24 * 3600)).await.unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    assert_eq!(named(&home, "lunch").await, [third.message]);
    assert_eq!(problems(&home).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_long_text_is_never_ruled_out() {
    let home = Home::new().await.unwrap();
    let long = format!("{}\r\nneedle", "straw ".repeat(200_000));
    let message = home.append(&mail("Hay", &long)).await.unwrap().message;
    home.store.index_now(&home.alice).await.unwrap();
    assert_eq!(named(&home, "needle").await, [message]);
    assert_eq!(named(&home, "nothing of it").await, [message]);
}

#[tokio::test]
async fn an_account_that_is_removed_leaves_the_index() {
    let home = Home::new().await.unwrap();
    home.append(&mail("Lunch", "Noon?")).await.unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    let index = home.store.inner().index();
    let indexed = || index.accounts(UnixTime(0)).unwrap().wanted;
    assert_eq!(indexed(), BTreeSet::from([home.alice.owner()]));
    home.store.remove_account(home.alice.owner()).await.unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    assert_eq!(indexed(), BTreeSet::new());
    assert_eq!(index.messages(home.alice.owner()).unwrap(), []);
}

#[tokio::test]
async fn texts_are_indexed_from_the_first_search_on_until_nobody_has_searched_for_long() {
    let home = Home::new().await.unwrap();
    let message = home.append(&mail("Lunch", "Noon?")).await.unwrap().message;
    // What nobody searches is not indexed.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!home.directory.path().join("search.sqlite").exists());
    assert_eq!(ask(&home, "lu").await, None, "too short for an index");
    let mut tries = 0..100;
    let found = loop {
        match ask(&home, "lunch").await {
            Some(candidates) => break candidates.messages,
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        tries.next().expect("a search sets it going");
    };
    assert_eq!(found, [message]);
    let now = crate::store::now();
    let inner = home.store.inner();
    assert_eq!(still_wanted(inner, now).await, BTreeSet::from([home.alice.owner()]));
    let in_100_days = UnixTime(now.0 + 100 * 24 * 3600);
    assert_eq!(still_wanted(inner, in_100_days).await, BTreeSet::new());
    assert_eq!(inner.index().messages(home.alice.owner()).unwrap(), []);
    assert_eq!(ask(&home, "lunch").await, None, "until somebody searches again");
}

#[tokio::test]
async fn an_index_that_is_damaged_gone_or_of_another_version_is_made_anew() {
    let damages: [fn(&Path); 3] = [
        |file| std::fs::remove_file(file).unwrap(),
        |file| std::fs::write(file, "no database, but longer than the header of one ".repeat(10)).unwrap(),
        |file| rusqlite::Connection::open(file).unwrap().pragma_update(None, "user_version", 99).unwrap(),
    ];
    for damage in damages {
        let home = Home::new().await.unwrap();
        let message = home.append(&mail("Lunch", "Noon?")).await.unwrap().message;
        home.store.index_now(&home.alice).await.unwrap();
        home.store.close().await.unwrap();
        damage(&home.directory.path().join("search.sqlite"));
        let options = crate::Options { data_dir: home.directory.path().to_owned(), readers: 2 };
        let store = crate::Store::open(options, bus::Bus::new()).await.unwrap();
        store.index_now(&home.alice).await.unwrap();
        let candidates = store.text_candidates(&home.alice, "lunch").await.unwrap();
        assert_eq!(candidates.messages, [message]);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_index_about_newer_mail_is_begun_anew() {
    let home = Home::new().await.unwrap();
    let first = home.append(&mail("Lunch", "Noon?")).await.unwrap().message;
    home.append(&mail("Lunch", "One?")).await.unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    // As if an older database had been put in its place.
    home.tamper("DELETE FROM membership WHERE message_id = 2; DELETE FROM message WHERE id = 2; UPDATE account SET next_message_id = 2;")
        .await
        .unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    assert_eq!(named(&home, "lunch").await, [first]);
}

#[tokio::test]
async fn check_finds_what_the_index_lacks_and_what_it_has_too_much() {
    let home = Home::new().await.unwrap();
    home.append(&mail("Lunch", "Noon?")).await.unwrap();
    let second = home.append(&mail("Lunch", "Noon?")).await.unwrap();
    home.store.index_now(&home.alice).await.unwrap();
    home.tamper("UPDATE message SET id = 1000 WHERE id = 2; UPDATE membership SET message_id = 1000 WHERE message_id = 2;")
        .await
        .unwrap();
    let found = problems(&home).await;
    let stale = "the search index has a message that is not there";
    assert!(found.iter().any(|problem| problem.starts_with(stale)), "{found:?} {}", second.message);
    home.tamper("UPDATE account SET next_message_id = 2000; UPDATE message SET id = 2 WHERE id = 1000; UPDATE message SET id = 0 WHERE id = 1; UPDATE membership SET message_id = 0 WHERE message_id = 1;")
        .await
        .unwrap();
    let found = problems(&home).await;
    assert!(found.iter().any(|problem| problem.starts_with("the search index lacks a message")), "{found:?}");
}
