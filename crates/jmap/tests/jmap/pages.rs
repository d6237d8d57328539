//! RFC 8621 §4.4: pages of a mailbox in the order of arrival, which are read without the rest of it, are those of the whole.

use serde_json::{Value, json};
use store::{FlagChange, Flags};

use crate::home::Home;

/// Thirty emails in INBOX, two of which came in each second, not in the order of their ids; every third is seen, the fourth is
/// deleted by IMAP, and every fifth is of the first one's thread. The id of INBOX.
async fn thirty(home: &Home) -> String {
    let (mut seen, mut inbox) = (Vec::new(), None);
    for number in 0..30_i64 {
        let reply = if number % 5 == 0 { "In-Reply-To: <0@a.test>\r\n" } else { "" };
        let subject = if number % 5 == 0 { "same" } else { "other" };
        let text =
            format!("Subject: {subject}\r\nMessage-ID: <{number}@a.test>\r\n{reply}\r\nnumber {number}\r\n");
        let arrived = home.deliver_at(&text, 1_700_000_000 + (number * 7 % 30) / 2).await;
        inbox = Some(arrived.mailbox);
        if number % 3 == 0 {
            seen.push(arrived.uid);
        }
        if number == 4 {
            let deleted = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
            let _ = home
                .store
                .store_flags(&home.alice, arrived.mailbox, vec![arrived.uid], deleted, None)
                .await
                .unwrap();
        }
    }
    let change = FlagChange { add: Flags::SEEN, ..FlagChange::default() };
    let _ = home.store.store_flags(&home.alice, inbox.unwrap(), seen, change, None).await.unwrap();
    format!("F{}", inbox.unwrap())
}

#[tokio::test]
async fn a_page_is_a_piece_of_the_whole() {
    let home = Home::new().await;
    let inbox = thirty(&home).await;
    let filters = [
        json!({ "inMailbox": inbox }),
        json!({ "inMailbox": inbox, "notKeyword": "$seen" }),
        json!({ "operator": "AND", "conditions": [{ "inMailbox": inbox }, { "after": "2023-11-14T22:13:25Z" }] }),
        json!({ "inMailbox": inbox, "body": "number 1" }),
        json!({ "inMailbox": inbox, "hasKeyword": "nobody" }),
    ];
    let windows = [
        json!({}),
        json!({ "limit": 4 }),
        json!({ "position": 3, "limit": 5 }),
        json!({ "position": 27 }),
        json!({ "position": 100 }),
        json!({ "limit": 0 }),
        json!({ "position": -3, "limit": 2 }),
        json!({ "limit": 3, "calculateTotal": true }),
    ];
    for filter in &filters {
        for collapse in [false, true] {
            for ascending in [false, true] {
                for window in &windows {
                    let ask = async |filter: Value| {
                        let mut asked = window.clone();
                        asked["filter"] = filter;
                        asked["collapseThreads"] = json!(collapse);
                        asked["sort"] = json!([{ "property": "receivedAt", "isAscending": ascending }]);
                        home.one("Email/query", asked).await
                    };
                    let page = ask(filter.clone()).await;
                    // The same, asked in a way that has all emails looked at.
                    let whole = ask(json!({ "operator": "OR", "conditions": [filter] })).await;
                    assert!(page["ids"].is_array(), "{page}");
                    assert_eq!(page, whole, "{filter} {window} collapse {collapse} ascending {ascending}");
                }
            }
        }
    }
    let missing =
        home.one("Email/query", json!({ "filter": { "inMailbox": "F999" }, "calculateTotal": true })).await;
    assert_eq!((&missing["ids"], &missing["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn texts_are_found_with_and_without_the_index() {
    let home = Home::new().await;
    let one = home.deliver("From: Zoe Quill <zoe@a.test>\r\nSubject: Caf\u{e9} noon\r\nX-Own: Thing\r\n\r\nBring the umbrella\r\n").await;
    let two =
        home.deliver("From: bob@b.test\r\nTo: zoe@a.test\r\nSubject: Re\r\n\r\nno um\r\nbrella\r\n").await;
    let inbox = format!("F{}", one.mailbox);
    let (one, two) = (one.id(), two.id());
    let cases = [
        (json!({ "text": "umbrella" }), vec![&one]),
        (json!({ "text": "zoe" }), vec![&two, &one]),
        (json!({ "from": "\"zoe quill\" a.test" }), vec![&one]),
        (json!({ "subject": "CAF\u{c9}" }), vec![&one]),
        (json!({ "body": "um" }), vec![&two, &one]),
        (json!({ "body": "brella -x" }), vec![]),
        (json!({ "header": ["X-Own", "thing"] }), vec![&one]),
        (json!({ "operator": "NOT", "conditions": [{ "text": "umbrella" }] }), vec![&two]),
        (json!({ "inMailbox": inbox, "text": "umbrella" }), vec![&one]),
        (json!({ "text": "nowhere" }), vec![]),
    ];
    for round in ["before", "after"] {
        for (filter, expected) in &cases {
            let found = home.one("Email/query", json!({ "filter": filter })).await;
            assert_eq!(found["ids"], json!(expected), "{filter} {round} indexing");
        }
        home.store.index_now(&home.alice).await.unwrap();
    }
    let late = home.deliver("Subject: late\r\n\r\nAnother umbrella\r\n").await.id();
    let found = home.one("Email/query", json!({ "filter": { "text": "umbrella" } })).await;
    assert_eq!(found["ids"], json!([late, one]), "what is not indexed yet is read");
}

#[tokio::test]
async fn a_text_of_more_words_than_the_index_is_asked_about_finds_only_what_has_them_all() {
    let home = Home::new().await;
    let words: Vec<String> = (10..50).map(|number| format!("word{number}")).collect();
    let all = home.deliver(&format!("Subject: all\r\n\r\n{}\r\n", words.join(" "))).await.id();
    home.deliver(&format!("Subject: most\r\n\r\n{}\r\n", words[..39].join(" "))).await;
    home.store.index_now(&home.alice).await.unwrap();
    let found = home.one("Email/query", json!({ "filter": { "text": words.join(" ") } })).await;
    assert_eq!(found["ids"], json!([all]));
}

#[tokio::test]
async fn what_is_meant_for_a_state_is_done_in_no_other() {
    let home = Home::new().await;
    let first = home.deliver("Subject: a\r\n\r\nb\r\n").await;
    let state = home.one("Email/get", json!({ "ids": [] })).await["state"].clone();
    let inbox = json!({ format!("F{}", first.mailbox): true });
    let draft = json!({ "mailboxIds": inbox, "subject": "made" });
    let all = json!({ "ifInState": state, "create": { "k": draft }, "update": { first.id(): { "keywords/$seen": true } } });
    let done = home.one("Email/set", all.clone()).await;
    assert_eq!(
        (&done["oldState"], &done["updated"]),
        (&state, &json!({ first.id(): null })),
        "its own changes do not count"
    );
    assert_eq!(home.one("Email/set", all).await["type"], "stateMismatch");
    let import = json!({ "ifInState": state, "emails": { "e": { "blobId": format!("B{}", first.message), "mailboxIds": inbox } } });
    assert_eq!(home.one("Email/import", import).await["type"], "stateMismatch");
    let found = home.one("Email/query", json!({ "calculateTotal": true })).await;
    assert_eq!(found["total"], 2);
}
