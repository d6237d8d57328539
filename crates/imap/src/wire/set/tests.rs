use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(input: &str) -> Option<SeqSet> {
    let frame = Bytes::copy_from_slice(input.as_bytes());
    let mut cursor = Cursor::new(&frame, Names::ModifiedUtf7);
    let set = SeqSet::parse(&mut cursor).ok()?;
    cursor.end().ok()?;
    Some(set)
}

#[test]
fn sets_resolve_against_the_largest_number() {
    type Ranges = &'static [(u32, u32)];
    let cases: [(&str, u32, Ranges); 9] = [
        ("1", 9, &[(1, 1)]),
        ("2,4:7,9,12:*", 15, &[(2, 2), (4, 7), (9, 9), (12, 15)]),
        ("*:4,7:5", 6, &[(4, 7)]),
        ("5:1", 9, &[(1, 5)]),
        ("*", 9, &[(9, 9)]),
        // RFC 9051 §9: 4294967295:* holds the last message.
        ("4294967295:*", 9, &[(9, u32::MAX)]),
        ("1:3,2:5,6", 9, &[(1, 6)]),
        ("*", 0, &[]),
        ("3:*", 0, &[]),
    ];
    for (input, largest, expected) in cases {
        assert_eq!(parsed(input).unwrap().resolve(largest).ranges(), expected, "{input} with {largest}");
    }
}

#[test]
fn what_is_not_a_set_is_refused() {
    for input in ["", "0", "1,", ",1", "1:", ":1", "a", "1:2:3", "4294967296", "$,1", "1,$", "$:3"] {
        assert_eq!(parsed(input), None, "{input}");
    }
    let ranges = vec!["1"; SEQ_RANGES_MAX].join(",");
    assert!(parsed(&ranges).is_some());
    assert_eq!(parsed(&format!("{ranges},1")), None);
}

#[test]
fn a_number_set_answers_and_writes_what_it_holds() {
    let set = NumberSet::from_sorted([1, 2, 3, 7, 9, 10]);
    assert_eq!(set.ranges(), [(1, 3), (7, 7), (9, 10)]);
    let held: Vec<u32> = (0..12).filter(|&n| set.contains(n)).collect();
    assert_eq!(held, [1, 2, 3, 7, 9, 10]);
    let mut out = BytesMut::new();
    set.encode(&mut out);
    assert_eq!(&out[..], b"1:3,7,9:10");
}

#[test]
fn the_saved_result_stands_alone() {
    let saved = parsed("$").unwrap();
    assert!(saved.is_saved());
    assert!(saved.ranges().is_empty());
    assert!(!parsed("1:*").unwrap().is_saved());
}

#[test]
fn a_slice_of_a_number_set_is_taken_by_place() {
    let set = NumberSet::from_sorted([1, 2, 3, 7, 9, 10]);
    assert_eq!(set.count(), 6);
    let cases: [(Range<usize>, &[u32]); 6] = [
        (0..6, &[1, 2, 3, 7, 9, 10]),
        (0..2, &[1, 2]),
        (2..5, &[3, 7, 9]),
        (3..4, &[7]),
        (5..9, &[10]),
        (6..9, &[]),
    ];
    for (places, expected) in cases {
        assert_eq!(set.slice(places.clone()).numbers().collect::<Vec<_>>(), expected, "{places:?}");
    }
}

#[test]
fn numbers_in_an_order_of_their_own_are_joined_only_where_they_rise() {
    assert_eq!(ranges_in_order([5, 3, 4, 5, 2, 1]), [(5, 5), (3, 5), (2, 2), (1, 1)]);
    assert_eq!(ranges_in_order([u32::MAX, 1]), [(u32::MAX, u32::MAX), (1, 1)]);
}

#[test]
fn number_sets_are_joined_and_taken_from_each_other() {
    let cases = [
        (vec![], vec![], vec![], vec![]),
        (vec![(1, 9)], vec![], vec![(1, 9)], vec![(1, 9)]),
        (vec![(1, 9)], vec![(1, 9)], vec![(1, 9)], vec![]),
        (vec![(1, 9)], vec![(3, 4), (9, 12)], vec![(1, 12)], vec![(1, 2), (5, 8)]),
        (vec![(2, 3), (6, 7)], vec![(1, 2), (4, 6)], vec![(1, 7)], vec![(3, 3), (7, 7)]),
        (vec![(5, u32::MAX)], vec![(7, u32::MAX)], vec![(5, u32::MAX)], vec![(5, 6)]),
        (vec![(5, u32::MAX)], vec![(1, 5)], vec![(1, u32::MAX)], vec![(6, u32::MAX)]),
    ];
    for (one, other, union, minus) in cases {
        let (one, other) = (NumberSet::from_ranges(one), NumberSet::from_ranges(other));
        assert_eq!(one.union(&other).ranges(), union, "{one:?} and {other:?}");
        assert_eq!(one.minus(&other).ranges(), minus, "{one:?} without {other:?}");
    }
}

#[test]
fn numbers_become_a_set_as_a_client_writes_it() {
    let numbers = NumberSet::from_sorted([1, 2, 3, 7]);
    assert_eq!(SeqSet::of(&numbers), Some(parsed("1:3,7:7").unwrap()));
    assert_eq!(SeqSet::of(&NumberSet::default()), None);
}
