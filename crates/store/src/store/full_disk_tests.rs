//! A disk that fills up in the middle of many deliveries.

use crate::Error;
use crate::testing::{Home, message};

#[tokio::test]
async fn a_full_disk_says_unavailable_and_loses_nothing_that_was_answered() {
    let home = Home::new().await.unwrap();
    for pages_left in [5, 20, 60] {
        limit(&home, Some(pages_left)).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..40 {
            let (store, alice) = (home.store.clone(), home.alice.clone());
            let text = format!("Subject: {number}\r\n\r\n{}", "x".repeat(20_000 + number));
            tasks.spawn(async move { (text.clone(), store.append(&alice, message(&text)).await) });
        }
        let outcomes = tasks.join_all().await;
        let mut refused = 0;
        for (text, outcome) in outcomes {
            match outcome {
                Ok(done) => assert_eq!(home.store.raw(&home.alice, done.placed.message).await.unwrap(), text),
                Err(Error::Unavailable(_)) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(refused > 0, "the disk was not full");
        // Reading goes on, and writing once there is room again.
        limit(&home, None).await;
        home.append("Subject: after\r\n\r\n").await.unwrap();
        assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
    }
    // As large as the first, so that it is a file.
    limit(&home, Some(0)).await;
    let large = "y".repeat(300_000);
    let _ = home.append(&large).await;
    limit(&home, None).await;
    home.append(&large).await.unwrap();
}

/// Lets the database grow by so many pages only, as a full disk would.
async fn limit(home: &Home, pages_left: Option<i64>) {
    home.store
        .inner()
        .write(move |tx| {
            let count = "SELECT page_count FROM pragma_page_count";
            let pages = tx.sql.one("count pages", count, [], |row| row.get::<_, i64>(0))?.unwrap();
            let limit = pages_left.map_or(i64::from(u32::MAX) - 1, |left| pages + left);
            let set = format!("PRAGMA max_page_count = {limit}");
            tx.sql.one("limit pages", &set, [], |_| Ok(())).map(|_| ())
        })
        .await
        .unwrap();
}
