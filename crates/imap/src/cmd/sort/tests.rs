use super::*;

fn by(key: SortKey, direction: SortDirection) -> SortCriterion {
    SortCriterion { key, direction }
}

#[test]
fn a_key_that_has_occurred_decides_nothing_more() {
    use SortDirection::{Falling, Rising};
    let subject = by(SortKey::Subject, Falling);
    let criteria = [subject, by(SortKey::Subject, Rising), by(SortKey::Size, Rising), subject];
    assert_eq!(deciding(&criteria), [subject, by(SortKey::Size, Rising)]);
}

#[test]
fn later_criteria_decide_where_earlier_ones_do_not() {
    let criteria = [by(SortKey::Subject, SortDirection::Falling), by(SortKey::Size, SortDirection::Rising)];
    let message = |subject: &str, size, seq| (vec![Value::text(subject), Value::Number(size)], seq);
    let messages = vec![message("a", 1, 1), message("b", 2, 2), message("B", 1, 3), message("b", 2, 4)];
    assert_eq!(sorted(messages, &criteria), [3, 2, 4, 1]);
}

#[test]
fn long_texts_are_compared_by_their_beginnings() {
    let long = "x".repeat(10_000);
    assert_eq!(Value::text(&long), Value::text(&"X".repeat(9_000)));
    assert!(Value::text(&long) < Value::text("y"));
}
