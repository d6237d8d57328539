use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(arguments: &str) -> Result<Thread, String> {
    let frame = Bytes::copy_from_slice(arguments.as_bytes());
    thread(&mut Cursor::new(&frame, Names::ModifiedUtf7), Numbering::Uid).map_err(|e| e.to_string())
}

/// Threads from pairs of a place and what it is below; `None` for a root.
fn threads(numbers: &[Option<u32>], parents: &[Option<usize>]) -> String {
    let mut threads =
        Threads { numbers: numbers.to_vec(), children: vec![Vec::new(); numbers.len()], roots: Vec::new() };
    for (place, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) => threads.children[*parent].push(place),
            None => threads.roots.push(place),
        }
    }
    let mut out = BytesMut::new();
    threads.encode(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn both_algorithms_are_known() {
    assert_eq!(parsed("ORDEREDSUBJECT UTF-8 ALL").unwrap().algorithm, ThreadAlgorithm::OrderedSubject);
    assert_eq!(parsed("references US-ASCII UNSEEN 1:*").unwrap().algorithm, ThreadAlgorithm::References);
    for wrong in ["", "REFERENCES", "REFS UTF-8 ALL", "REFERENCES UTF-8", "REFERENCES ALL"] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn threads_have_the_form_of_the_examples_of_rfc_5256() {
    assert_eq!(threads(&[], &[]), "THREAD");
    // RFC 5256 §4: (2)(3 6 (4 23)(44 7 96))
    let numbers = [2, 3, 6, 4, 23, 44, 7, 96].map(Some);
    let parents = [None, None, Some(1), Some(2), Some(3), Some(2), Some(5), Some(6)];
    assert_eq!(threads(&numbers, &parents), "THREAD (2)(3 6 (4 23)(44 7 96))");
    // RFC 5256 §4: ((3)(5)), their parent is not here.
    assert_eq!(threads(&[None, Some(3), Some(5)], &[None, Some(0), Some(0)]), "THREAD ((3)(5))");
}

#[test]
fn a_thread_of_any_depth_is_written() {
    let depth = 200_000;
    let numbers: Vec<Option<u32>> = (1..=depth).map(Some).collect();
    let parents: Vec<Option<usize>> = (0..numbers.len()).map(|place| place.checked_sub(1)).collect();
    let text = threads(&numbers, &parents);
    assert!(text.starts_with("THREAD (1 2 3 4"));
    assert!(text.ends_with(" 199999 200000)"));
}
