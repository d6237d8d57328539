//! A search answers the same with the index, without it, and with half of it, and tells how far it is.

use crate::support::TestServer;
use crate::support::transcript::Client;

const SEARCHES: [&str; 12] = [
    "SEARCH BODY noon",
    "SEARCH NOT BODY noon",
    "SEARCH TEXT LUNCH",
    "SEARCH OR SUBJECT lunch FROM gray",
    "SEARCH FROM \"Terry Gray <gray@cac\"",
    "SEARCH HEADER Message-Id multi",
    "SEARCH HEADER Message-Id \"\"",
    "SEARCH HEADER X-None noon",
    "SEARCH TEXT \"café\"",
    "SEARCH TEXT no",
    "SEARCH TEXT \"nothing of the kind\"",
    "SEARCH NOT TEXT hello SUBJECT \"grüße\"",
];

async fn answers(client: &mut Client) -> Vec<String> {
    let mut answers = Vec::new();
    for search in SEARCHES {
        let answer = client.command(search).await;
        assert_eq!(answer.len(), 2, "{search}: {answer:?}");
        answers.push(answer[0].clone());
    }
    answers
}

#[tokio::test]
async fn what_is_found_does_not_depend_on_the_index() {
    let server = TestServer::start(|_| {}).await;
    let names = ["simple", "second", "multipart"].repeat(30);
    server.give(&names).await;
    let mut client = Client::log_in(&server).await;
    client.command("SELECT INBOX").await;
    let without = answers(&mut client).await;
    assert_eq!(without[0].split(' ').count(), 2 + 30, "a third of them: {}", without[0]);

    let alice = server.store.system_access(server.alice);
    server.store.index_now(&alice).await.unwrap();
    let candidates = server.store.text_candidates(&alice, "noon").await.unwrap();
    assert_eq!(candidates.messages.len(), 30, "and the index knows");
    assert_eq!(answers(&mut client).await, without);

    server.give(&["second"]).await;
    client.command("NOOP").await;
    let half = answers(&mut client).await;
    assert_eq!(half[0], format!("{} 91", without[0]), "what is new is read");
    assert_eq!(half[4], without[4]);
    server.stop().await;
}

#[tokio::test]
async fn a_search_that_takes_long_tells_how_far_it_is() {
    // RFC 9585 §4
    let server = TestServer::start(|options| options.limits.progress_time = std::time::Duration::ZERO).await;
    server.give(&["simple", "second"]).await;
    let mut client = Client::log_in(&server).await;
    client.command("SELECT INBOX").await;
    let answer = client.command("SEARCH BODY noon").await;
    assert_eq!(answer, ["* OK [INPROGRESS (\"t\" 2 2)] still searching", "* SEARCH 2", "t OK SEARCH done"]);
    client.send("t] SORT (SUBJECT) UTF-8 ALL").await;
    let answer = client.answer("t]").await;
    assert_eq!(answer, ["* OK [INPROGRESS (NIL 2 2)] still searching", "* SORT 1 2", "t] OK SORT done"]);
    // What the view alone answers takes no time.
    assert_eq!(client.command("SEARCH UNSEEN").await, ["* SEARCH 1 2", "t OK SEARCH done"]);
    server.stop().await;
}
