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
