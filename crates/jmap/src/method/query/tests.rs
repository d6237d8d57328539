use super::*;

fn filter(value: Value) -> Filter<bool> {
    match value {
        Value::Bool(value) => Filter::Condition(value),
        Value::Array(mut parts) => {
            let operator = match parts.remove(0).as_str() {
                Some("AND") => Operator::And,
                Some("OR") => Operator::Or,
                _ => Operator::Not,
            };
            Filter::Operator(operator, parts.into_iter().map(filter).collect())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn operators_nest() {
    let cases = [
        (json!(["AND"]), true),
        (json!(["OR"]), false),
        (json!(["NOT"]), true),
        (json!(["AND", true, true]), true),
        (json!(["AND", true, false]), false),
        (json!(["OR", false, true]), true),
        (json!(["NOT", false, false]), true),
        (json!(["NOT", false, true]), false),
        (json!(["NOT", ["AND", true, ["OR", false, false]]]), true),
    ];
    for (text, expected) in cases {
        assert_eq!(filter(text.clone()).holds(&mut |value| Some(*value)), Some(expected), "{text}");
    }
}

#[test]
fn what_is_not_known_stays_so_unless_the_rest_decides() {
    let cases = [
        (json!(["AND", true, false]), Some(false)),
        (json!(["AND", true, true]), None),
        (json!(["NOT", true, false]), None),
        (json!(["OR", true, ["NOT", false]]), Some(true)),
    ];
    for (text, expected) in cases {
        let mut known = |value: &bool| if *value { None } else { Some(false) };
        assert_eq!(filter(text.clone()).holds(&mut known), expected, "{text}");
    }
}

#[test]
fn a_window_lies_where_position_anchor_and_limit_say() {
    let window = |position, anchor: Option<&str>, offset, limit: Option<u64>| Window {
        position: Int(position),
        anchor: anchor.map(str::to_owned),
        anchor_offset: Int(offset),
        limit: limit.map(UnsignedInt),
        ..Window::default()
    };
    let cases = [
        (window(0, None, 0, None), (0, 10)),
        (window(3, None, 0, Some(4)), (3, 4)),
        (window(8, None, 0, Some(4)), (8, 2)),
        (window(20, None, 0, Some(4)), (20, 0)),
        (window(-3, None, 0, Some(2)), (7, 2)),
        (window(-30, None, 0, Some(2)), (0, 2)),
        (window(5, Some("4"), 0, Some(2)), (4, 2)),
        (window(0, Some("4"), -2, Some(2)), (2, 2)),
        (window(0, Some("4"), -9, Some(2)), (0, 2)),
        (window(0, Some("4"), 9, Some(2)), (13, 0)),
        (window(0, None, 0, Some(0)), (0, 0)),
    ];
    for (window, expected) in cases {
        let stretch = window.place(10, |id| id.parse().ok()).unwrap();
        assert_eq!((stretch.first, stretch.length), expected, "{window:?}");
    }
    let lost = window(0, Some("x"), 0, None).place(10, |id| id.parse().ok());
    assert_eq!(lost, Err(MethodError::AnchorNotFound));
    let cut = window(0, None, 0, None).place(1_000_000, |_| None).unwrap();
    assert_eq!((cut.length, cut.limit), (RESULTS_MAX, Some(RESULTS_MAX)));
}
