use bytes::BytesMut;

use super::*;

fn threaded(messages: &[(u32, i64, Option<u64>)]) -> String {
    let message = |&(number, sent_at, subject): &(u32, i64, Option<u64>)| Message {
        number,
        sent_at,
        subject,
        is_reply: false,
    };
    let mut out = BytesMut::new();
    ordered_subject(messages.iter().map(message).collect()).encode(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn messages_of_one_subject_hang_below_the_first() {
    // RFC 5256 §4: (166)(167)..(170 171)(173)(174 (175)(176)(178)..)
    let messages = [
        (166, 1, Some(1)),
        (170, 2, Some(2)),
        (171, 3, Some(2)),
        (174, 4, Some(3)),
        (175, 5, Some(3)),
        (176, 6, Some(3)),
    ];
    assert_eq!(threaded(&messages), "THREAD (166)(170 171)(174 (175)(176))");
}

#[test]
fn threads_stand_in_the_order_of_their_first_messages() {
    let messages = [(1, 30, Some(1)), (2, 10, Some(2)), (3, 20, Some(1)), (4, 10, None), (5, 40, None)];
    assert_eq!(threaded(&messages), "THREAD (2)(4 5)(3 1)");
    assert_eq!(threaded(&[]), "THREAD");
}
