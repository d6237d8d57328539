use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn read(text: &str) -> Result<Notify, String> {
    let frame = Bytes::copy_from_slice(text.as_bytes());
    notify(&mut Cursor::new(&frame, Names::ModifiedUtf7)).map_err(|error| error.to_string())
}

fn set(text: &str) -> NotifySet {
    match read(text) {
        Ok(Notify::Set(set)) => set,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn groups_are_read_with_their_mailboxes_and_events() {
    assert_eq!(read("none"), Ok(Notify::None));
    let read = set(concat!(
        "SET STATUS (selected-delayed (MessageNew (UID BODY.PEEK[HEADER.FIELDS (From)]) MessageExpunge FlagChange)) ",
        "(subtree (Lists Entw&APw-rfe) (MessageNew MessageExpunge)) (mailboxes INBOX NONE) ",
        "(personal (MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))",
    ));
    assert!(read.asks_status && !read.has_unsupported);
    let selected = read.selected.expect("selected");
    assert_eq!(selected.expunges, ExpungesTold::Delayed);
    assert!(selected.flag_change && selected.items.len() == 2, "{selected:?}");
    let messages = Events { messages: true, ..Events::default() };
    let names = Events {
        mailbox_name: true,
        subscription_change: true,
        mailbox_metadata: true,
        server_metadata: true,
        ..Events::default()
    };
    let subtree = MailboxFilter::Subtree(vec!["Lists".to_owned(), "Entwürfe".to_owned()]);
    let others = [
        EventGroup { filter: subtree, events: messages },
        EventGroup { filter: MailboxFilter::Mailboxes(vec!["INBOX".to_owned()]), events: Events::default() },
        EventGroup { filter: MailboxFilter::Personal, events: names },
    ];
    assert_eq!(read.others, others);
}

#[test]
fn the_selected_mailbox_without_events_is_told_nothing_of() {
    assert_eq!(set("SET (selected NONE)").selected, None);
    assert_eq!(set("SET (inboxes (MessageNew MessageExpunge))").selected, None);
}

#[test]
fn what_the_rfc_forbids_is_a_syntax_error() {
    let together = "MessageNew and MessageExpunge come together";
    let cases = [
        ("", "expected SET or NONE"),
        ("SET", "expected a space"),
        ("SET ", "expected an event group"),
        ("SET STATUS", "expected an event group"),
        ("NONE (selected NONE)", "expected the end"),
        ("SET (selected (MessageNew))", together),
        ("SET (personal (MessageExpunge))", together),
        ("SET (personal (FlagChange))", "need MessageNew"),
        ("SET (personal (AnnotationChange))", "need MessageNew"),
        ("SET (selected (MailboxName))", "only events of messages"),
        ("SET (selected (ServerMetadataChange))", "only events of messages"),
        ("SET (selected NONE) (selected-delayed NONE)", "named twice"),
        ("SET (personal (MessageNew (UID) MessageExpunge))", "only the selected mailbox"),
        ("SET (personal (MessageExpunge (UID) MessageNew))", "expected an event"),
        ("SET (elsewhere NONE)", "no such mailbox specifier"),
        ("SET (mailboxes () NONE)", "expected"),
        ("SET (mailboxes NONE)", "expected a space"),
        ("SET (personal ())", "expected an event"),
        ("SET (personal NONE) ", "expected an event group"),
        ("SET (personal NONE", "expected the end of the event group"),
    ];
    for (text, expected) in cases {
        let error = read(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    let many = format!("SET{}", " (personal NONE)".repeat(GROUPS_MAX + 1));
    assert!(read(&many).expect_err("too many").contains("too many event groups"));
}

#[test]
fn events_that_are_not_served_are_read_and_marked() {
    assert!(set("SET (personal (VirusFound))").has_unsupported);
    let selected = "SET (selected (MessageNew MessageExpunge AnnotationChange))";
    assert!(set(selected).has_unsupported);
}

#[test]
fn a_filter_means_the_mailboxes_that_it_names() {
    let names = || vec!["Lists".to_owned()];
    let cases = [
        (MailboxFilter::Personal, "Any", false, true),
        (MailboxFilter::Inboxes, "Any", false, true),
        (MailboxFilter::Subscribed, "Any", true, true),
        (MailboxFilter::Subscribed, "Any", false, false),
        (MailboxFilter::Subtree(names()), "Lists", false, true),
        (MailboxFilter::Subtree(names()), "Lists/Rust", false, true),
        (MailboxFilter::Subtree(names()), "Listserv", false, false),
        (MailboxFilter::Mailboxes(names()), "Lists", false, true),
        (MailboxFilter::Mailboxes(names()), "Lists/Rust", false, false),
    ];
    for (filter, name, is_subscribed, expected) in cases {
        assert_eq!(filter.matches(name, is_subscribed), expected, "{filter:?} {name}");
    }
}
