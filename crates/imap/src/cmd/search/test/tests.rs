use store::{MailboxId, ModSeq, UidValidity, View};

use super::*;
use crate::wire::cursor::Cursor;
use crate::wire::mailbox::Names;

fn set(text: &'static str) -> SeqSet {
    SeqSet::parse(&mut Cursor::new(&bytes::Bytes::from_static(text.as_bytes()), Names::Utf8)).unwrap()
}

#[test]
fn all_keys_share_what_was_saved() {
    let view = ClientView::new(Arc::new(View {
        mailbox: MailboxId(1),
        uid_validity: UidValidity(1),
        uid_next: 1,
        modseq: ModSeq(1),
        highest_modseq: ModSeq(1),
        entries: Vec::new(),
    }));
    let keywords = Keywords::default();
    let surroundings = Surroundings {
        view: &view,
        keywords: &keywords,
        now: UnixTime(0),
        owner: None,
        saved: OnceLock::new(),
    };
    let keys = vec![
        SearchKey::Seq(set("$")),
        SearchKey::Uid(set("$")),
        SearchKey::Uid(set("1:2")),
        SearchKey::Seq(set("$")),
    ];
    let Ok(Test::All(tests)) = Test::all_of(keys, &surroundings) else { panic!("no list of tests") };
    let sets: Vec<_> = tests
        .iter()
        .map(|test| match test {
            Test::Within(set) => Arc::as_ptr(set),
            _ => panic!("no set"),
        })
        .collect();
    assert_eq!((sets[0], sets[0]), (sets[1], sets[3]));
    assert_ne!(sets[0], sets[2]);
}
