use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(arguments: &str) -> Result<MultiSearch, String> {
    let frame = Bytes::copy_from_slice(arguments.as_bytes());
    multi_search(&mut Cursor::new(&frame, Names::ModifiedUtf7)).map_err(|e| e.to_string())
}

#[test]
fn sources_are_read_as_the_examples_of_rfc_7377_have_them() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let cases = [
        ("unseen", vec![SearchSource::Selected]),
        ("IN (selected) RETURN () unseen", vec![SearchSource::Selected]),
        (
            "IN (mailboxes \"folder1\" subtree \"folder2\") unseen",
            vec![
                SearchSource::Filter(MailboxFilter::Mailboxes(names(&["folder1"]))),
                SearchSource::Filter(MailboxFilter::Subtree(names(&["folder2"]))),
            ],
        ),
        (
            "IN (mailboxes (\"folder1\" Entw&APw-rfe) subtree-one folder2) CHARSET UTF-8 subject \"chad\"",
            vec![
                SearchSource::Filter(MailboxFilter::Mailboxes(names(&["folder1", "Entwürfe"]))),
                SearchSource::SubtreeOne(names(&["folder2"])),
            ],
        ),
        (
            "IN (inboxes personal subscribed) RETURN (COUNT) ALL",
            vec![
                SearchSource::Filter(MailboxFilter::Inboxes),
                SearchSource::Filter(MailboxFilter::Personal),
                SearchSource::Filter(MailboxFilter::Subscribed),
            ],
        ),
    ];
    for (arguments, sources) in cases {
        assert_eq!(parsed(arguments).unwrap().sources, sources, "{arguments}");
    }
}

#[test]
fn what_is_not_a_search_of_mailboxes_is_refused() {
    for wrong in [
        "",
        "IN () ALL",
        "IN selected ALL",
        "IN (selected-delayed) ALL",
        "IN (mailboxes) ALL",
        "IN (folder1) ALL",
        "IN (selected)",
        "IN (selected (scope)) ALL",
        "RETURN () IN (selected) ALL",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}
