use std::path::Path;

use store::{Flags, UnixTime};

use super::journal::{Batch, Journal};
use super::{Found, Maildir, Mbox, Source, with_crlf};

fn all(source: &mut dyn Source) -> Vec<Found> {
    std::iter::from_fn(|| source.next().expect("readable")).collect()
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::fs::write(path, text).expect("written");
}

#[test]
fn line_ends_become_crlf_once() {
    for (text, wanted) in
        [("a\nb", "a\r\nb"), ("a\r\nb\n\n", "a\r\nb\r\n\r\n"), ("", ""), ("\n", "\r\n"), ("a\r", "a\r")]
    {
        assert_eq!(with_crlf(text.as_bytes()), wanted.as_bytes(), "{text:?}");
    }
}

#[test]
fn a_maildir_is_read_with_its_folders_and_flags() {
    let root = tempfile::tempdir().expect("a directory");
    let root = root.path();
    write(&root.join("cur/1.a.host:2,FRS"), "Subject: a\n\nx\n");
    write(&root.join("new/2.b.host"), "Subject: b\n\nx\n");
    write(&root.join("tmp/3.c.host"), "not whole");
    write(&root.join(".Lists.R&APw-st/cur/4.d.host:2,DPT"), "Subject: d\n\nx\n");
    write(&root.join(".hidden/4.e"), "no folder: it has no cur/");
    let found = all(&mut Maildir::open(root).expect("a Maildir"));
    let seen: Vec<_> = found
        .iter()
        .map(|found| (found.key.as_str(), found.folder.as_deref(), found.flags, found.keywords.join(" ")))
        .collect();
    let answered = Flags::FLAGGED.union(Flags::ANSWERED).union(Flags::SEEN);
    let wanted = [
        ("/1.a.host", None, answered, String::new()),
        ("/2.b.host", None, Flags::default(), String::new()),
        (
            "Lists/Rüst/4.d.host",
            Some("Lists/Rüst"),
            Flags::DRAFT.union(Flags::DELETED),
            "$Forwarded".to_owned(),
        ),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(found[0].raw, b"Subject: a\r\n\r\nx\r\n");
    assert!(found.iter().all(|found| found.received_at.is_some()));
}

#[test]
fn an_mbox_is_cut_at_its_separators_and_unquoted() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("mbox");
    let text = "From a@example Tue Mar  5 12:34:56 2024\nSubject: a\nStatus: RO\nX-Status: AF\n\n\
                >From here\n>>From there\n> From nowhere\nno\nFrom within\n\n\
                From b@example garbage\nSubject: b\n\nlast\n";
    write(&path, text);
    let found = all(&mut Mbox::open(&path).expect("an mbox"));
    assert_eq!(found.len(), 2);
    let body = "\r\n\r\nFrom here\r\n>From there\r\n> From nowhere\r\nno\r\nFrom within\r\n";
    let raw = String::from_utf8(found[0].raw.clone()).expect("UTF-8");
    assert!(raw.starts_with("Subject: a\r\n") && raw.ends_with(body), "{raw:?}");
    assert_eq!(found[0].flags, Flags::SEEN.union(Flags::ANSWERED).union(Flags::FLAGGED));
    assert_eq!(found[0].received_at, Some(UnixTime(1_709_642_096)));
    assert_eq!(
        (found[1].raw.as_slice(), found[1].received_at),
        (b"Subject: b\r\n\r\nlast\r\n".as_slice(), None)
    );
    assert_eq!(found[1].position, u64::try_from(text.len()).expect("small"));
    assert_eq!(found[1].key, text.find("From b@").expect("there").to_string());
}

#[test]
fn what_is_neither_maildir_nor_mbox_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    write(&file, "Subject: a\n\nx\n");
    let shown = file.display();
    assert_eq!(
        Mbox::open(&file).expect_err("refused").to_string(),
        format!("{shown} is not an mbox file: it does not begin with \"From \"")
    );
    assert_eq!(
        Maildir::open(&file).expect_err("refused").to_string(),
        format!("{shown} is not a Maildir: it has neither cur/ nor new/")
    );
    write(&file, "");
    assert_eq!(all(&mut Mbox::open(&file).expect("empty")), []);
}

#[test]
fn the_journal_knows_what_is_done_and_what_was_interrupted() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = |account| {
        Journal::open(directory.path(), store::AccountId(account), directory.path()).expect("opened")
    };
    let batch = |keys: &[&str]| Batch {
        uid_next: 7,
        mailbox: "a \\n b\nc".to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
    };
    let mut journal = open(1);
    journal.begin(batch(&["x", "y\nz\\n"])).expect("written");
    journal.done().expect("written");
    journal.begin(batch(&["never"])).expect("written");
    journal.forget().expect("written");
    journal.begin(batch(&["maybe"])).expect("written");
    drop(journal);

    let mut journal = open(1);
    for (key, wanted) in [("x", true), ("y\nz\\n", true), ("never", false), ("maybe", false)] {
        assert_eq!(journal.is_done(key), wanted, "{key:?}");
    }
    assert_eq!(journal.unfinished(), Some(&batch(&["maybe"])));
    journal.done().expect("written");
    assert!(open(1).is_done("maybe"));
    assert!(!open(2).is_done("x"), "another account has a journal of its own");
}
