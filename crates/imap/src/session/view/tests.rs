use proptest::prelude::*;
use store::{MailboxId, MessageId, UidValidity};

use super::*;
use crate::wire::cursor::Cursor;
use crate::wire::mailbox::Names;

fn entry(uid: u32, flags: u128, modseq: u64) -> Entry {
    Entry { uid: Uid(uid), message: MessageId(u64::from(uid)), flags: Flags(flags), modseq: ModSeq(modseq) }
}

fn base(uids: &[u32]) -> Arc<View> {
    Arc::new(View {
        mailbox: MailboxId(1),
        uid_validity: UidValidity(1),
        uid_next: uids.last().map_or(1, |uid| uid + 1),
        modseq: ModSeq(1),
        highest_modseq: ModSeq(1),
        entries: uids.iter().map(|&uid| entry(uid, 0, 1)).collect(),
    })
}

fn changes(modseq: u64, changed: &[Entry], vanished: &[u32]) -> MailboxChanges {
    let vanished = vanished.iter().map(|&uid| Uid(uid)).collect();
    MailboxChanges { modseq: ModSeq(modseq), changed: changed.to_vec(), vanished, complete: true }
}

fn uids(view: &ClientView) -> Vec<u32> {
    view.entries(1, u32::MAX).map(|(_, entry)| entry.uid.0).collect()
}

fn resolved(
    view: &ClientView,
    set: &'static str,
    numbering: Numbering,
) -> Result<Vec<(u32, u32)>, OutOfRange> {
    let frame = bytes::Bytes::from_static(set.as_bytes());
    let set = SeqSet::parse(&mut Cursor::new(&frame, Names::ModifiedUtf7)).unwrap();
    view.resolve(&set, numbering)
}

#[test]
fn expunges_are_told_from_the_last_to_the_first() {
    let mut view = ClientView::new(base(&[3, 5, 8, 9]));
    let updates = view.apply(&changes(2, &[entry(12, 0, 2)], &[5, 9]), Expunges::Send);
    assert_eq!(updates.expunged, [4, 2]);
    assert_eq!(updates.vanished, [Uid(5), Uid(9)]);
    assert_eq!(updates.exists, Some(3));
    assert_eq!(uids(&view), [3, 8, 12]);
    assert_eq!(view.seq_of(Uid(12)), Some(3));
    assert_eq!(view.seq_of(Uid(5)), None);
}

#[test]
fn a_held_expunge_shifts_nothing_until_it_is_sent() {
    let mut view = ClientView::new(base(&[3, 5, 8]));
    let updates = view.apply(&changes(2, &[entry(9, 0, 2)], &[5]), Expunges::Hold);
    assert_eq!((updates.expunged, updates.exists), (vec![], Some(4)));
    assert_eq!(view.seq_of(Uid(8)), Some(3), "as before");
    let updates = view.apply(&changes(2, &[], &[]), Expunges::Send);
    assert_eq!(updates.expunged, [2]);
    assert_eq!(view.seq_of(Uid(8)), Some(2));
}

#[test]
fn what_is_overheard_is_answered_now_and_told_later() {
    let mut view = ClientView::new(base(&[1, 2, 3]));
    let log = changes(3, &[entry(2, 7, 2), entry(4, 0, 3)], &[1]);
    view.overhear(&log);
    assert_eq!(view.entry(2), Some(entry(2, 7, 2)));
    assert_eq!((uids(&view), view.modseq()), (vec![1, 2, 3], ModSeq(1)));
    let updates = view.apply(&log, Expunges::Send);
    assert_eq!((updates.expunged, updates.exists), (vec![1], Some(3)));
    assert_eq!(updates.changed, [Changed { seq: 1, entry: entry(2, 7, 2), flags_differ: true }]);
    assert_eq!(view.apply(&log, Expunges::Send), Updates::default(), "once");
}

#[test]
fn a_client_is_not_told_what_it_knows() {
    let mut view = ClientView::new(base(&[1, 2]));
    view.learn(entry(2, 7, 5));
    assert_eq!(view.apply(&changes(5, &[entry(2, 7, 5)], &[]), Expunges::Send), Updates::default());
    let updates = view.apply(&changes(6, &[entry(2, 7, 6)], &[]), Expunges::Send);
    assert_eq!(updates.changed, [Changed { seq: 2, entry: entry(2, 7, 6), flags_differ: false }]);
    let updates = view.apply(&changes(7, &[entry(2, 8, 7)], &[]), Expunges::Send);
    assert_eq!(updates.changed, [Changed { seq: 2, entry: entry(2, 8, 7), flags_differ: true }]);
    // A message that came and went between two looks is never mentioned.
    assert_eq!(view.apply(&changes(8, &[], &[3]), Expunges::Send), Updates::default());
}

#[test]
fn sets_become_ranges_of_sequence_numbers() {
    let view = ClientView::new(base(&[10, 20, 30, 40]));
    let seq = |set| resolved(&view, set, Numbering::Seq);
    let uid = |set| resolved(&view, set, Numbering::Uid);
    assert_eq!(seq("2:*"), Ok(vec![(2, 4)]));
    assert_eq!(seq("4,1:2"), Ok(vec![(1, 2), (4, 4)]));
    assert_eq!(seq("5"), Err(OutOfRange));
    assert_eq!(seq("1:5"), Err(OutOfRange));
    assert_eq!(uid("15:35"), Ok(vec![(2, 3)]));
    assert_eq!(uid("1:9,41:50"), Ok(vec![]));
    assert_eq!(uid("500:*"), Ok(vec![(4, 4)]), "the last message, whatever its UID");
    assert_eq!(uid("1:4294967295"), Ok(vec![(1, 4)]));
    let empty = ClientView::new(base(&[]));
    assert_eq!(resolved(&empty, "1:*", Numbering::Seq), Ok(vec![]));
    assert_eq!(resolved(&empty, "1", Numbering::Seq), Err(OutOfRange));
    assert_eq!(resolved(&empty, "1:*", Numbering::Uid), Ok(vec![]));
}

#[test]
fn a_worn_view_is_renewed_only_by_what_the_client_knows() {
    let mut view = ClientView::new(base(&[1]));
    let new: Vec<Entry> = (2..100).map(|uid| entry(uid, 0, 2)).collect();
    view.apply(&changes(2, &new, &[]), Expunges::Send);
    assert!(view.is_worn());
    let mut full = View { modseq: ModSeq(3), ..(*base(&[1])).clone() };
    full.entries.extend(&new);
    view.renew(Arc::new(full.clone()));
    assert!(view.is_worn(), "a later state is not what the client knows");
    full.modseq = ModSeq(2);
    view.renew(Arc::new(full));
    assert!(!view.is_worn());
    assert_eq!(view.exists(), 99);
}

#[test]
fn lacking_uids_are_the_gaps_of_a_set_above_what_is_sound() {
    let mut view = ClientView::new(base(&[3, 5, 8, 9]));
    let _updates = view.apply(&changes(2, &[entry(12, 0, 2)], &[5]), Expunges::Send);
    let lacking = |ranges: &[(u32, u32)], sound| {
        view.lacking(&NumberSet::from_ranges(ranges.to_vec()), sound).ranges().to_vec()
    };
    assert_eq!(lacking(&[(1, u32::MAX)], 0), [(1, 2), (4, 7), (10, 11)]);
    assert_eq!(lacking(&[(1, u32::MAX)], 8), [(10, 11)]);
    assert_eq!(lacking(&[(2, 3), (6, 6), (11, 40)], 0), [(2, 2), (6, 6), (11, 11)]);
    assert_eq!(lacking(&[(8, 9)], 0), []);
}

/// What happens to the mailbox, and when the client looks.
#[derive(Debug, Clone)]
enum Step {
    Add,
    Expunge(usize),
    Flag(usize, u128),
    Look(Expunges),
    LookFromBeforeTheHorizon,
    Renew,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Add),
        3 => any::<usize>().prop_map(Step::Expunge),
        3 => (any::<usize>(), 0_u128..4).prop_map(|(which, flags)| Step::Flag(which, flags)),
        2 => Just(Step::Look(Expunges::Send)),
        2 => Just(Step::Look(Expunges::Hold)),
        1 => Just(Step::LookFromBeforeTheHorizon),
        1 => Just(Step::Renew),
    ];
    proptest::collection::vec(step, 0..60)
}

/// The mailbox itself, kept in the most naive way.
struct Mailbox {
    entries: Vec<Entry>,
    gone: Vec<(u32, u64)>,
    uid_next: u32,
    modseq: u64,
}

impl Mailbox {
    fn since(&self, since: ModSeq) -> MailboxChanges {
        let changed: Vec<Entry> = self.entries.iter().filter(|e| e.modseq > since).copied().collect();
        let gone: Vec<u32> = self.gone.iter().filter(|(_, at)| *at > since.0).map(|(uid, _)| *uid).collect();
        changes(self.modseq, &changed, &gone)
    }

    fn full(&self) -> View {
        View {
            uid_next: self.uid_next,
            modseq: ModSeq(self.modseq),
            entries: self.entries.clone(),
            ..(*base(&[])).clone()
        }
    }
}

/// The client: a list of messages, changed only by what it is told.
fn told(client: &mut Vec<Entry>, updates: &Updates, mailbox: &[Entry]) {
    for &seq in &updates.expunged {
        client.remove(seq as usize - 1);
    }
    if let Some(exists) = updates.exists {
        let new = mailbox.iter().filter(|e| client.last().is_none_or(|last| e.uid > last.uid)).copied();
        let new: Vec<Entry> = new.collect();
        client.extend(new);
        assert_eq!(client.len(), exists as usize);
    }
    for changed in &updates.changed {
        client[changed.seq as usize - 1] = changed.entry;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_client_that_believes_the_updates_sees_the_mailbox(steps in steps(), first in 0_u32..6) {
        let uids: Vec<u32> = (1..=first).map(|n| n * 3).collect();
        let mut view = ClientView::new(base(&uids));
        let mut client = view.base().entries.clone();
        let mut mailbox = Mailbox { entries: client.clone(), gone: vec![], uid_next: first * 3 + 1, modseq: 1 };
        for step in steps {
            match step {
                Step::Add => {
                    mailbox.modseq += 1;
                    mailbox.entries.push(entry(mailbox.uid_next, 0, mailbox.modseq));
                    mailbox.uid_next += 2;
                }
                Step::Expunge(which) if !mailbox.entries.is_empty() => {
                    mailbox.modseq += 1;
                    let gone = mailbox.entries.remove(which % mailbox.entries.len());
                    mailbox.gone.push((gone.uid.0, mailbox.modseq));
                }
                Step::Flag(which, flags) if !mailbox.entries.is_empty() => {
                    mailbox.modseq += 1;
                    let place = which % mailbox.entries.len();
                    mailbox.entries[place].flags = Flags(flags);
                    mailbox.entries[place].modseq = ModSeq(mailbox.modseq);
                }
                Step::Expunge(_) | Step::Flag(..) => {}
                Step::Look(expunges) => {
                    let updates = view.apply(&mailbox.since(view.modseq()), expunges);
                    prop_assert!(expunges == Expunges::Send || updates.expunged.is_empty());
                    told(&mut client, &updates, &mailbox.entries);
                }
                Step::LookFromBeforeTheHorizon => {
                    let changes = view.changes_to(&mailbox.full());
                    told(&mut client, &view.apply(&changes, Expunges::Send), &mailbox.entries);
                }
                Step::Renew => view.renew(Arc::new(mailbox.full())),
            }
            let known: Vec<Entry> = view.entries(1, view.exists()).map(|(_, entry)| entry).collect();
            prop_assert_eq!(&known, &client);
            for (seq, entry) in (1..).zip(&client) {
                prop_assert_eq!(view.seq_of(entry.uid), Some(seq));
                prop_assert_eq!(view.entry(seq), Some(*entry));
            }
        }
        let updates = view.apply(&mailbox.since(view.modseq()), Expunges::Send);
        told(&mut client, &updates, &mailbox.entries);
        prop_assert_eq!(client, mailbox.entries);
    }
}

#[test]
fn what_is_saved_is_the_same_messages_whatever_is_expunged_or_added() {
    let mut view = ClientView::new(base(&[10, 20, 30, 40, 50]));
    let saved = |view: &ClientView| resolved(view, "$", Numbering::Uid);
    assert_eq!(saved(&view), Ok(vec![]), "nothing has been saved");
    assert_eq!(view.save(&NumberSet::from_sorted([1, 2, 4])), Ok(()));
    assert_eq!(saved(&view), Ok(vec![(1, 2), (4, 4)]));
    assert_eq!(resolved(&view, "$", Numbering::Seq), saved(&view));
    view.apply(&changes(2, &[entry(60, 0, 2)], &[20, 30]), Expunges::Send);
    assert_eq!(uids(&view), [10, 40, 50, 60]);
    assert_eq!(saved(&view), Ok(vec![(1, 1), (2, 2)]));
    let full = View { entries: view.entries(1, 4).map(|(_, entry)| entry).collect(), ..(*base(&[])).clone() };
    view.renew(Arc::new(View { modseq: ModSeq(2), ..full }));
    assert_eq!(saved(&view), Ok(vec![(1, 1), (2, 2)]), "another base, the same client");
}

#[test]
fn a_result_with_too_many_gaps_is_not_saved() {
    let most = u32::try_from(SAVED_RANGES_MAX).unwrap();
    let all: Vec<u32> = (1..=2 * most + 1).collect();
    let mut view = ClientView::new(base(&all));
    let every_other = |count: u32| NumberSet::from_sorted((0..count).map(|n| 2 * n + 1));
    assert_eq!(view.save(&every_other(most)), Ok(()));
    assert_eq!(resolved(&view, "$", Numbering::Seq).unwrap().len(), SAVED_RANGES_MAX);
    assert_eq!(view.save(&every_other(most + 1)), Err(TooScattered));
    assert_eq!(resolved(&view, "$", Numbering::Seq), Ok(vec![]));
}
