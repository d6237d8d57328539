use super::*;

#[test]
fn a_partial_cuts_stretches_as_if_they_were_one() {
    let whole = || vec![0..3, 10..14, 20..21];
    let cut = |offset, length| {
        let ranges = cut(whole(), Some(Partial { offset, length }));
        ranges.iter().map(|range| (range.start, range.end)).collect::<Vec<_>>()
    };
    assert_eq!(cut(0, 100), [(0, 3), (10, 14), (20, 21)]);
    assert_eq!(cut(0, 2), [(0, 2)]);
    assert_eq!(cut(2, 3), [(2, 3), (10, 12)]);
    assert_eq!(cut(3, 4), [(10, 14)]);
    assert_eq!(cut(7, 9), [(20, 21)]);
    assert!(cut(8, 1).is_empty());
    assert!(cut(u64::MAX, u64::MAX).is_empty());
}

#[test]
fn a_partial_of_a_decoded_part_is_the_same_however_it_comes() {
    let whole = b"0123456789";
    let cases = [
        (None, "0123456789"),
        (Some((0, 3)), "012"),
        (Some((7, 100)), "789"),
        (Some((10, 1)), ""),
        (Some((u64::MAX, u64::MAX)), ""),
    ];
    for (partial, expected) in cases {
        let sent = window(partial.map(|(offset, length)| Partial { offset, length }), 10);
        for piece_bytes in 1..11 {
            let pieces = whole.chunks(piece_bytes).zip((0..).step_by(piece_bytes));
            let bytes: Vec<u8> = pieces.flat_map(|(piece, at)| slice(piece, at, &sent)).copied().collect();
            assert_eq!(bytes, expected.as_bytes(), "{partial:?} in pieces of {piece_bytes}");
        }
    }
}
