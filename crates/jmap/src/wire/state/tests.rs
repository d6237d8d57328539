use super::*;

#[test]
fn a_state_is_read_back() {
    for state in
        [State::at(1, ModSeq(0)), State::at(7, ModSeq(4711)), State { epoch: 1, modseq: ModSeq(5), told: 12 }]
    {
        assert_eq!(State::parse(&state.to_string()), Some(state));
    }
    for text in ["", "1", "1-", "-1", "1-2-", "1-2-3-4", "1-+2", "a-b", "1-2-x", "1-99999999999999999999"] {
        assert_eq!(State::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_state_amidst_a_commit_covers_the_first_of_its_objects() {
    let state = State { epoch: 1, modseq: ModSeq(5), told: 12 };
    for (modseq, number, covered) in [(4, 99, true), (5, 12, true), (5, 13, false), (6, 1, false)] {
        assert_eq!(state.covers(ModSeq(modseq), number), covered, "{modseq} {number}");
    }
    assert!(State::at(1, ModSeq(5)).covers(ModSeq(5), u64::MAX - 1));
}
