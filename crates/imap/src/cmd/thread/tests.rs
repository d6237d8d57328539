use super::*;

#[test]
fn of_what_a_message_cites_the_root_and_the_nearest_count() {
    let cited: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let kept = |count: usize| root_and_nearest(&cited[..count]).cloned().collect::<Vec<_>>();
    for few in 0..=11 {
        assert_eq!(kept(few), cited[..few], "{few}");
    }
    assert_eq!(kept(12), [&cited[..1], &cited[2..12]].concat());
    assert_eq!(kept(100), [&cited[..1], &cited[90..]].concat());
}
