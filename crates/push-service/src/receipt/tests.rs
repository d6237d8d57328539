use super::*;

fn id(number: u8) -> ReceiptSubscriptionId {
    ReceiptSubscriptionId::from_bytes([number; 16])
}

#[test]
fn what_was_made_with_a_key_is_for_that_key_alone() {
    let [one, other] = [1, 2].map(|number| SenderId::from_bytes([number; 16]));
    // (maker, user, whether it may)
    let cases = [
        (Maker::Key(one), Maker::Key(one), true),
        (Maker::Key(one), Maker::Key(other), false),
        (Maker::Key(one), Maker::Address(one), false),
        (Maker::Address(one), Maker::Address(other), true),
        (Maker::Address(one), Maker::Key(other), true),
    ];
    for (maker, user, may) in cases {
        assert_eq!(maker.admits(user), may, "{maker:?} {user:?}");
    }
}

#[tokio::test]
async fn a_reader_is_told_of_what_is_due_for_it() {
    let readers = ReceiptReaders::default();
    let reader = readers.open(id(1));
    readers.due(id(2));
    readers.due(id(1));
    crate::testing::within(reader.changed()).await;
    assert_eq!(reader.ended(), None);
}

#[tokio::test]
async fn a_second_reader_ends_the_first_and_removal_ends_both() {
    let readers = ReceiptReaders::default();
    let first = readers.open(id(1));
    let second = readers.open(id(1));
    crate::testing::within(first.changed()).await;
    assert_eq!((first.ended(), second.ended()), (Some(ReaderEnd::Superseded), None));
    // The first one's farewell must not take the second one's place.
    readers.close(id(1), &first);
    readers.removed(id(1));
    crate::testing::within(second.changed()).await;
    assert_eq!(second.ended(), Some(ReaderEnd::Removed));
}
