use super::*;
use crate::{Entry, Flags, MessageId, ModSeq, Uid, UidValidity};

fn view(messages: usize) -> Arc<View> {
    let entry = Entry { uid: Uid(1), message: MessageId(1), flags: Flags::default(), modseq: ModSeq(1) };
    Arc::new(View {
        mailbox: MailboxId(1),
        uid_validity: UidValidity(1),
        uid_next: 2,
        modseq: ModSeq(1),
        highest_modseq: ModSeq(1),
        entries: vec![entry; messages],
    })
}

#[test]
fn the_least_recently_used_views_go_when_there_are_too_many_messages() {
    let key = |mailbox| (AccountId(1), MailboxId(mailbox));
    let mut kept = Kept::default();
    // (mailbox, messages, mailboxes that are kept then)
    let steps: [(u64, usize, &[u64]); 8] = [
        (1, KEPT_FROM, &[1]),
        (2, KEPT_FROM - 1, &[1]),
        (3, 500_000, &[1, 3]),
        (4, 500_000, &[1, 3, 4]),
        (1, KEPT_FROM, &[3, 4, 1]),
        (5, 500_000, &[4, 1, 5]),
        (6, MESSAGES_MAX + 1, &[4, 1, 5]),
        // It has lost most of its messages.
        (4, 1, &[1, 5]),
    ];
    for (mailbox, messages, expected) in steps {
        let before = kept.views.len();
        let dropped = kept.used(key(mailbox), &view(messages)).len();
        let now: Vec<u64> = kept.views.iter().map(|((_, id), _)| id.0).collect();
        assert_eq!(now, expected, "after {messages} messages of {mailbox}");
        let added = usize::from(now.contains(&mailbox));
        assert_eq!(dropped, before + added - now.len(), "what goes is given back");
        let held: usize = kept.views.iter().map(|(_, view)| view.entries.len()).sum();
        assert_eq!(kept.messages, held);
    }
}
