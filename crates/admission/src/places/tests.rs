use super::*;

#[test]
fn each_key_has_its_places_and_gets_them_back() {
    let places = Places::new(2);
    let (first, second) = (places.take("a"), places.take("a"));
    assert!(first.is_some() && second.is_some());
    assert!(places.take("a").is_none());
    let other = places.clone().take("b");
    assert!(other.is_some(), "another key has its own");
    drop(first);
    let third = places.take("a");
    assert!(third.is_some() && places.take("a").is_none());
    drop((second, third, other));
    assert!(places.taken.lock().is_empty(), "nothing is kept of who is gone");
}

#[test]
fn no_places_are_no_places() {
    assert!(Places::new(0).take(1).is_none());
}
