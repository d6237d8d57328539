use bytes::BytesMut;

use super::*;

/// A message: number, identifier (0: none), what it cites, subject, whether that is a reply's. Sent in the order of the
/// list.
type Case<'c> = (u32, u64, &'c [u64], u64, bool);

fn threaded(messages: &[Case<'_>]) -> String {
    let mut references = References::new(messages.len());
    for (sent_at, &(number, id, cited, subject, is_reply)) in (0..).zip(messages) {
        let message = Message { number, sent_at, subject: (subject != 0).then_some(subject), is_reply };
        references.add(message, (id != 0).then_some(id), cited);
    }
    let mut out = BytesMut::new();
    references.threads().unwrap().encode(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn replies_hang_below_what_they_cite_last() {
    let cases: [(&[Case<'_>], &str); 9] = [
        (&[], "THREAD"),
        (&[(1, 1, &[], 0, false), (2, 2, &[1], 0, true), (3, 3, &[1, 2], 0, true)], "THREAD (1 2 3)"),
        (&[(1, 1, &[], 0, false), (2, 2, &[1], 0, true), (3, 3, &[1], 0, true)], "THREAD (1 (2)(3))"),
        // What comes late in the mailbox may be what others cite.
        (&[(1, 3, &[1, 2], 0, true), (2, 2, &[1], 0, true), (3, 1, &[], 0, false)], "THREAD (3 2 1)"),
        // What is missing between goes; at the root it stays only above several.
        (&[(1, 1, &[], 0, false), (2, 3, &[1, 2], 0, true)], "THREAD (1 2)"),
        (&[(1, 2, &[9], 0, true), (2, 3, &[9], 0, true)], "THREAD ((1)(2))"),
        (&[(1, 2, &[8, 9], 0, true)], "THREAD (1)"),
        // Two with one identifier, and two with none, are four messages.
        (
            &[(1, 1, &[], 0, false), (2, 1, &[], 0, false), (3, 0, &[], 0, false), (4, 0, &[], 0, false)],
            "THREAD (1)(2)(3)(4)",
        ),
        // Nothing is its own ancestor.
        (&[(1, 1, &[2], 0, true), (2, 2, &[1], 0, true), (3, 3, &[3], 0, true)], "THREAD (2 1)(3)"),
    ];
    for (messages, expected) in cases {
        assert_eq!(threaded(messages), expected);
    }
}

#[test]
fn threads_of_one_subject_are_joined() {
    let cases: [(&[Case<'_>], &str); 7] = [
        // A reply goes below what it replies to by its subject.
        (&[(1, 1, &[], 7, false), (2, 2, &[], 7, true)], "THREAD (1 2)"),
        (&[(1, 1, &[], 7, true), (2, 2, &[], 7, false)], "THREAD (2 1)"),
        // Two that are no replies are siblings below nothing, and a third joins them.
        (&[(1, 1, &[], 7, false), (2, 2, &[], 7, false)], "THREAD ((1)(2))"),
        (&[(1, 1, &[], 7, false), (2, 2, &[], 7, false), (3, 3, &[], 7, false)], "THREAD ((1)(2)(3))"),
        // A thread whose first message is missing takes in the others, also another such thread.
        (&[(1, 1, &[9], 7, true), (2, 2, &[9], 7, true), (3, 3, &[], 7, false)], "THREAD ((1)(2)(3))"),
        (
            &[(1, 1, &[8], 7, true), (2, 2, &[8], 7, true), (3, 3, &[9], 7, true), (4, 4, &[9], 7, true)],
            "THREAD ((1)(2)(3)(4))",
        ),
        // No subject joins nothing.
        (&[(1, 1, &[], 0, false), (2, 2, &[], 0, true)], "THREAD (1)(2)"),
    ];
    for (messages, expected) in cases {
        assert_eq!(threaded(messages), expected);
    }
}

#[test]
fn a_long_chain_is_cut_where_ancestors_are_too_many_and_loses_no_message() {
    let count = u32::try_from(3 * THREAD_DEPTH_MAX).unwrap();
    let mut references = References::new(3 * THREAD_DEPTH_MAX);
    for number in 1..=count {
        let message = Message { number, sent_at: i64::from(number), subject: None, is_reply: true };
        let before = [u64::from(number) - 1];
        references.add(message, Some(u64::from(number)), &before[usize::from(number == 1)..]);
    }
    let threads = references.threads().unwrap();
    assert!(threads.roots.len() > 1);
    let mut numbers: Vec<u32> = threads.numbers.iter().flatten().copied().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
    let below: usize = threads.children.iter().map(Vec::len).sum();
    assert_eq!(below + threads.roots.len(), numbers.len(), "each stands once");
}

#[test]
fn messages_that_cite_too_many_others_are_not_threaded() {
    assert_eq!(References::new(10).nodes_max, 10 * NODES_OF_MESSAGE + NODES_MORE);
    for (nodes_max, is_threaded) in [(6, true), (5, false)] {
        let mut references = References { nodes_max, ..References::new(2) };
        for (number, cited) in [(1, [7, 8]), (2, [9, 10])] {
            let message = Message { number, sent_at: 0, subject: None, is_reply: true };
            references.add(message, None, &cited);
        }
        assert_eq!(references.threads().is_some(), is_threaded, "{nodes_max}");
    }
}

#[test]
fn what_one_message_cites_is_hung_together_within_one_measure_of_hops() {
    let mut references = References::new(3);
    let depth = u64::try_from(THREAD_DEPTH_MAX).unwrap() / 2;
    let message = |number| Message { number, sent_at: 0, subject: None, is_reply: true };
    for number in 1..depth {
        references.add(message(1), Some(number + 1), &[number]);
    }
    // Two unknown ones below the end of the chain, and a third for which no hop is left.
    references.add(message(2), None, &[depth, 5_001, depth, 5_002, depth, 5_003]);
    let hangs = |id| references.parent(references.by_id[&id]).is_some();
    assert_eq!([5_001, 5_002, 5_003].map(hangs), [true, true, false]);
}
