use super::*;

#[test]
fn case_makes_no_difference() {
    let equal = [("abc", "ABC"), ("Grüße", "GRÜßE"), ("éa", "E\u{301}A"), ("ǆ", "Ǆ"), ("σας", "ΣΑΣ")];
    for (one, other) in equal {
        assert_eq!(casemap(one), casemap(other), "{one} {other}");
    }
    assert_ne!(casemap("abc"), casemap("abd"));
}

#[test]
fn letters_with_marks_come_beside_those_without() {
    let mut words = ["zebra", "Äpfel", "apple", "Zoo", "", "äpfel 2", "b"];
    words.sort_by_key(|word| casemap(word));
    assert_eq!(words, ["", "apple", "Äpfel", "äpfel 2", "b", "zebra", "Zoo"]);
}
