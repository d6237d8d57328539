use store::{MessageId, ModSeq, Origin, SessionId, ThreadId, UidValidity};

use super::*;

const OWN: SessionId = SessionId(7);
const INBOX: u64 = 1;
const SILENT: u64 = 2;
const GONE: u64 = 9;

fn mailbox(id: u64, name: &str) -> Mailbox {
    Mailbox {
        id: MailboxId(id),
        name: MailboxName::new(name).expect("a name"),
        special_use: None,
        subscribed: false,
        uid_validity: UidValidity(1),
        uid_next: 100,
        highest_modseq: ModSeq(9),
        messages: 0,
        unseen: 0,
        deleted: 0,
        size: 0,
    }
}

/// A change of the message with this UID in INBOX, by nobody in particular, at the MODSEQ of that number.
fn change(uid: u32, flags: Option<Flags>, arrived: Option<Cause>) -> MembershipChange {
    let (message, modseq) = (MessageId(u64::from(uid)), ModSeq(u64::from(uid)));
    MembershipChange {
        modseq,
        cause: arrived.unwrap_or(Cause::Flags),
        origin: Origin::default(),
        mailbox: MailboxId(INBOX),
        uid: Uid(uid),
        message,
        thread: Some(ThreadId(1)),
        now: flags.map(|flags| Entry { uid: Uid(uid), message, flags, modseq }),
        arrived,
    }
}

fn in_mailbox(id: u64, change: MembershipChange) -> MembershipChange {
    MembershipChange { mailbox: MailboxId(id), ..change }
}

fn own(change: MembershipChange) -> MembershipChange {
    MembershipChange { origin: Origin { credential: None, session: Some(OWN) }, ..change }
}

fn sorted(memberships: Vec<MembershipChange>, lists: Vec<MailboxChange>) -> News {
    let changes = AccountChanges {
        modseq: ModSeq(99),
        more: false,
        complete: true,
        mailboxes: lists,
        memberships,
        keywords: BTreeSet::new(),
    };
    let mut known = Known { own_sessions: [OWN].into(), ..Known::default() };
    known.shown.note(MailboxId(INBOX), ModSeq(10));
    let mailboxes = [mailbox(INBOX, "INBOX"), mailbox(SILENT, "Junk"), mailbox(3, "Work/Deep")];
    News::sort(
        &changes,
        &Reader {
            mailboxes: &mailboxes,
            keywords: &Keywords::default(),
            known: &known,
            is_silent: &|mailbox| mailbox.id == MailboxId(SILENT),
        },
    )
}

/// UIDs that arrived, vanished and were altered in INBOX, and whether the push announces mail.
type Told = (Vec<u32>, Vec<u32>, Vec<u32>, bool);

fn told(news: &News) -> Told {
    let Some(inbox) = news.mailboxes.get(&MailboxId(INBOX)) else { return Told::default() };
    (
        inbox.arrived.iter().map(|arrived| arrived.entry.uid.0).collect(),
        inbox.vanished.iter().map(|uid| uid.0).collect(),
        inbox.altered.iter().map(|entry| entry.uid.0).collect(),
        news.announces_mail,
    )
}

#[test]
fn a_change_is_told_as_what_it_is_to_the_device() {
    let unread = Some(Flags::default());
    let nothing = Told::default;
    let cases = [
        ("delivered", change(20, unread, Some(Cause::Delivery)), (vec![20], vec![], vec![], true)),
        (
            "read elsewhere",
            change(20, Some(Flags::SEEN), Some(Cause::Delivery)),
            (vec![20], vec![], vec![], false),
        ),
        ("appended", change(20, unread, Some(Cause::Append)), (vec![20], vec![], vec![], false)),
        ("flagged", change(20, Some(Flags::FLAGGED), None), (vec![], vec![], vec![20], false)),
        ("expunged", change(20, None, None), (vec![], vec![20], vec![], false)),
        ("came and went", change(20, None, Some(Cause::Delivery)), (vec![], vec![20], vec![], false)),
        ("already shown", change(10, unread, Some(Cause::Delivery)), nothing()),
        ("its own flags", own(change(20, unread, None)), nothing()),
        ("its own append", own(change(20, unread, Some(Cause::Append))), nothing()),
        (
            "delivered, then flagged by it unseen",
            own(change(20, unread, Some(Cause::Delivery))),
            (vec![20], vec![], vec![], true),
        ),
        ("in a silent mailbox", in_mailbox(SILENT, change(20, unread, Some(Cause::Delivery))), nothing()),
        ("in a mailbox that is gone", in_mailbox(GONE, change(20, None, None)), nothing()),
    ];
    for (what, change, expected) in cases {
        let news = sorted(vec![change], Vec::new());
        assert_eq!(told(&news), expected, "{what}");
        assert_eq!(news.is_empty(), expected == nothing(), "{what}");
    }
}

#[test]
fn of_two_changes_of_one_message_on_two_pages_the_last_one_is_told() {
    let first = change(20, Some(Flags::default()), Some(Cause::Delivery));
    let cases =
        [(None, (vec![], vec![20], vec![], false)), (Some(Flags::FLAGGED), (vec![20], vec![], vec![], true))];
    for (flags, expected) in cases {
        let last = MembershipChange { modseq: ModSeq(30), ..change(20, flags, None) };
        assert_eq!(told(&sorted(vec![first.clone(), last], Vec::new())), expected, "{flags:?}");
    }
}

#[test]
fn the_messages_to_show_are_those_that_ring_and_then_the_newest() {
    let changes = vec![
        change(20, Some(Flags::default()), Some(Cause::Delivery)),
        change(21, Some(Flags::default()), Some(Cause::Copy)),
        change(22, Some(Flags::default()), Some(Cause::Delivery)),
        change(23, Some(Flags::default()), Some(Cause::Copy)),
    ];
    let news = sorted(changes, Vec::new());
    let shown: Vec<u32> = news.newest_arrivals(3).iter().map(|(_, arrived)| arrived.entry.uid.0).collect();
    assert_eq!(shown, [22, 20, 23]);
}

#[test]
fn changes_of_mailboxes_are_told_unless_they_are_the_devices_own() {
    let list = |name: &str, session: Option<SessionId>| MailboxChange {
        modseq: ModSeq(20),
        origin: Origin { credential: None, session },
        id: MailboxId(3),
        name: MailboxName::new(name).expect("a name"),
        now: Some(mailbox(3, name)),
        created: true,
        old_name: None,
    };
    let news = sorted(Vec::new(), vec![list("Work", None), list("Mine", Some(OWN))]);
    let names: Vec<&str> = news.lists.iter().map(|change| change.name.as_str()).collect();
    assert_eq!(names, ["Work"]);
    assert!(news.has_children(&news.lists[0]), "Work/Deep is there");
}
