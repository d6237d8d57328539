use super::*;

fn message(id: i64, text: &str) -> Message {
    Message {
        id: MessageId::from_number(id),
        agent: AgentId::from_bytes([1; 16]),
        subscription: SubscriptionId::from_bytes([2; 16]),
        channel: ChannelId::from_bytes([3; 16]),
        urgency: webpush::header::Urgency::High,
        expires: Instant::from_micros(9),
        keeping: Keeping::Stored,
        content: Content {
            encoding: Encoding::Aesgcm { encryption: "salt=a".into(), crypto_key: "dh=b".into() },
            media_type: Some("text/plain".into()),
            body: Bytes::copy_from_slice(text.as_bytes()),
        },
    }
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self, noted: u64) -> (Journal, Vec<Entry<Message>>) {
        Journal::open(&self.0.path().join("push.sqlite"), noted).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.0.path().join("push.sqlite.recent")).unwrap()
    }

    /// What is left when the file has these bytes.
    fn left(bytes: &[u8], noted: u64) -> Vec<Entry<Message>> {
        let other = Self::new();
        std::fs::write(other.0.path().join("push.sqlite.recent"), bytes).unwrap();
        other.open(noted).1
    }
}

fn put(journal: &mut Journal, entries: &[Entry<Message>]) {
    write(journal, entries);
    journal.keep();
}

fn write(journal: &mut Journal, entries: &[Entry<Message>]) {
    for entry in entries {
        journal.note(match entry {
            Entry::Stored(message) => Entry::Stored(message),
            Entry::Removed(id) => Entry::Removed(*id),
        });
    }
    journal.sync().unwrap();
}

fn stored(id: i64) -> Entry<Message> {
    Entry::Stored(message(id, &"body ".repeat(usize::try_from(id).unwrap())))
}

fn removed(id: i64) -> Entry<Message> {
    Entry::Removed(MessageId::from_number(id))
}

#[test]
fn what_was_kept_is_read_back_in_order() {
    let directory = Directory::new();
    let (mut journal, left) = directory.open(0);
    assert_eq!(left, []);
    put(&mut journal, &[stored(1), stored(2)]);
    put(&mut journal, &[removed(1)]);
    // Nothing was done.
    put(&mut journal, &[]);
    put(&mut journal, &[stored(3)]);
    assert_eq!(directory.open(0).1, [stored(1), stored(2), removed(1), stored(3)]);
}

#[test]
fn what_was_discarded_or_not_kept_gives_way() {
    let directory = Directory::new();
    let (mut journal, _) = directory.open(0);
    put(&mut journal, &[stored(1)]);
    journal.note(Entry::Stored(&message(2, "")));
    journal.discard();
    write(&mut journal, &[stored(3)]);
    journal.discard();
    put(&mut journal, &[stored(4)]);
    assert_eq!(directory.open(0).1, [stored(1), stored(4)]);
}

#[test]
fn what_the_database_has_noted_counts_no_more() {
    let directory = Directory::new();
    let (mut journal, _) = directory.open(0);
    put(&mut journal, &[stored(1)]);
    put(&mut journal, &[stored(2)]);
    write(&mut journal, &[stored(3)]);
    let mark = journal.mark();
    journal.rewind();
    assert_eq!(directory.open(mark).1, [], "not even what was synced and not kept");
    put(&mut journal, &[stored(4)]);
    assert_eq!(directory.open(mark).1, [stored(4)]);
    let (mut again, _) = directory.open(mark + 1);
    put(&mut again, &[stored(5)]);
    assert_eq!(directory.open(mark + 1).1, [stored(5)]);
}

#[test]
fn a_record_that_is_torn_or_damaged_ends_the_journal() {
    let directory = Directory::new();
    let (mut journal, _) = directory.open(0);
    put(&mut journal, &[stored(1)]);
    let first = usize::try_from(journal.len()).unwrap();
    put(&mut journal, &[stored(2), removed(1)]);
    let end = usize::try_from(journal.len()).unwrap();
    let whole = directory.bytes();
    assert_eq!(Directory::left(&whole, 0).len(), 3);
    for cut in 0..end {
        let expected = usize::from(cut >= first);
        assert_eq!(Directory::left(&whole[..cut], 0).len(), expected, "cut at {cut}");
        let mut damaged = whole.clone();
        damaged[cut] ^= 0x40;
        let expected = usize::from(cut >= first);
        assert_eq!(Directory::left(&damaged, 0).len(), expected, "damaged at {cut}");
    }
}

#[test]
fn a_whole_record_that_can_not_be_understood_is_an_error() {
    let mut record = vec![0; HEAD_BYTES];
    record.extend([9; 40]);
    seal(&mut record, 1).unwrap();
    assert!(read_records(&record, 0).is_err());
    assert_eq!(read_records(&record, 1).unwrap().entries, [], "it is of an earlier pass");
}

#[test]
fn what_was_emptied_never_counts_again() {
    let directory = Directory::new();
    let (mut journal, _) = directory.open(0);
    for id in 1..4 {
        put(&mut journal, &[removed(id)]);
    }
    let (mut journal, left) = directory.open(1);
    assert_eq!(left, [], "the first is not of this pass");
    journal.empty().unwrap();
    put(&mut journal, &[removed(7)]);
    assert_eq!(directory.open(1).1, [removed(7)]);
}

#[test]
fn records_find_their_blocks_in_the_file() {
    let directory = Directory::new();
    let (mut journal, _) = directory.open(0);
    put(&mut journal, &[stored(1)]);
    let length = directory.bytes().len();
    for id in 2..20 {
        put(&mut journal, &[stored(id)]);
    }
    assert_eq!(directory.bytes().len(), length);
    let large = Entry::Stored(message(20, &"x".repeat(length)));
    put(&mut journal, &[large]);
    assert!(directory.bytes().len() > length);
    assert_eq!(directory.open(0).1.len(), 20);
}
