use crate::sqlite::uint;
use crate::testing::{Home, message};
use crate::{Delivery, Error, MailboxId, NewMessage, Target};

/// References of each row of `blob`, by its number.
async fn references(home: &Home) -> Vec<u64> {
    let sql = "SELECT refs FROM blob ORDER BY id";
    home.store.inner().read(|reader| reader.all("references", sql, [], |row| uint(row, 0))).await.unwrap()
}

fn to(home: &Home, message: &NewMessage) -> Delivery {
    Delivery { account: home.alice.owner(), message: message.clone() }
}

#[tokio::test]
async fn small_content_is_shared_within_a_delivery_and_large_content_by_all() {
    for (text, expected) in [("Subject: s\r\n\r\n".to_owned(), vec![3, 3]), ("y".repeat(300_000), vec![6])] {
        let home = Home::new().await.unwrap();
        let message = message(&text);
        for _ in 0..2 {
            let deliveries = vec![to(&home, &message), to(&home, &message), to(&home, &message)];
            for outcome in home.store.deliver(deliveries).await {
                outcome.unwrap();
            }
        }
        assert_eq!(references(&home).await, expected, "{} bytes", text.len());
        assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
    }
}

#[tokio::test]
async fn small_content_that_is_put_in_one_by_one_is_found_by_its_hash() {
    let home = Home::new().await.unwrap();
    let text = "Subject: s\r\n\r\n";
    for outcome in home.store.deliver(vec![to(&home, &message(text))]).await {
        outcome.unwrap();
    }
    for _ in 0..3 {
        home.append(text).await.unwrap();
    }
    assert_eq!(references(&home).await, [1, 3]);
}

#[tokio::test]
async fn a_number_that_was_rolled_back_and_given_to_other_content_is_not_referred_to() {
    let home = Home::new().await.unwrap();
    let (shared, other) = (message("Subject: shared\r\n\r\n"), message("Subject: other\r\n\r\n"));
    let refused = NewMessage { target: Target::Id(MailboxId(999)), ..shared.clone() };
    let deliveries = [&refused, &other, &shared, &shared].map(|message| to(&home, message));
    let outcomes = home.store.deliver(deliveries.into()).await;
    assert!(matches!(outcomes[..], [Err(Error::NotFound("mailbox")), Ok(_), Ok(_), Ok(_)]), "{outcomes:?}");
    assert_eq!(references(&home).await, [1, 2]);
    for (outcome, expected) in outcomes.iter().skip(1).zip([&other, &shared, &shared]) {
        let message = outcome.as_ref().unwrap().placed.message;
        assert_eq!(home.store.raw(&home.alice, message).await.unwrap(), expected.raw.bytes);
    }
}
