//! What a search index costs and what it saves: the forms that FTS5 offers, side by side over the same texts, and the one that
//! was chosen as the store uses it. `SEARCH_MESSAGES` says over how many messages (20,000).
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to tell but the one who reads the panic")]
#![expect(clippy::indexing_slicing, reason = "the dice stay below the length")]
#![expect(clippy::print_stdout, reason = "it is what the reader came for")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rusqlite::Connection;
use store::{
    Access, Cause, Flags, MailboxName, NewAccount, NewMessage, Options, Raw, Store, Target, UnixTime,
};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Words as a language has them: the n-th is about n times rarer than the first.
struct Language(Vec<String>);

impl Language {
    fn new(dice: &mut Dice) -> Self {
        const SYLLABLES: [&str; 24] = [
            "an", "be", "cor", "di", "el", "fa", "gre", "hin", "is", "jo", "ka", "lem", "mi", "nor", "ost",
            "pa", "qui", "ra", "sen", "tu", "ur", "vi", "wel", "zy",
        ];
        let word = |dice: &mut Dice| (0..2 + dice.below(4)).map(|_| SYLLABLES[dice.below(24)]).collect();
        Self((0..50_000).map(|_| word(dice)).collect())
    }

    fn text(&self, dice: &mut Dice, words: usize) -> String {
        let mut text = String::new();
        for _ in 0..words {
            // The product of two draws is small more often than not.
            let rank = dice.below(self.0.len()) * dice.below(self.0.len()) / self.0.len();
            text.push_str(&self.0[rank]);
            text.push(' ');
        }
        text
    }

    fn of_rank(&self, rank: usize) -> &str {
        &self.0[rank]
    }
}

fn main() {
    let count: usize = std::env::var("SEARCH_MESSAGES").map_or(20_000, |count| count.parse().unwrap());
    let mut dice = Dice(7);
    let language = Language::new(&mut dice);
    let texts: Vec<String> = (0..count)
        .map(|_| {
            let words = 60 + dice.below(600);
            language.text(&mut dice, words)
        })
        .collect();
    let needles =
        [language.of_rank(49_990), language.of_rank(30_000), language.of_rank(500), language.of_rank(3)];
    let directory = tempfile::tempdir_in(std::env::var_os("BENCH_DIR").unwrap_or(".".into())).unwrap();
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{count} messages, {} MB of text", bytes >> 20);
    for detail in ["none", "column", "full"] {
        fts5(directory.path(), detail, &texts, &needles);
    }
    scan(&texts, &needles);
    through_the_store(&directory.path().join("data"), &texts, &needles);
}

/// One form of the index: its size, what a message costs, what an answer takes.
fn fts5(directory: &Path, detail: &str, texts: &[String], needles: &[&str]) {
    let file = directory.join(format!("{detail}.sqlite"));
    let mut connection = Connection::open(&file).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    connection.pragma_update(None, "synchronous", "NORMAL").unwrap();
    let sql = format!(
        "CREATE VIRTUAL TABLE gram USING fts5(text, content = '', contentless_delete = 1, detail = {detail}, \
         tokenize = 'trigram case_sensitive 1')"
    );
    connection.execute_batch(&sql).unwrap();
    let began = Instant::now();
    for (chunk, texts) in texts.chunks(64).enumerate() {
        let transaction = connection.transaction().unwrap();
        for (row, text) in (chunk * 64 + 1..).zip(texts) {
            let mut insert =
                transaction.prepare_cached("INSERT INTO gram (rowid, text) VALUES (?1, ?2)").unwrap();
            insert.execute(rusqlite::params![i64::try_from(row).unwrap(), text]).unwrap();
        }
        transaction.commit().unwrap();
    }
    let each = began.elapsed() / u32::try_from(texts.len()).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let size = std::fs::metadata(&file).unwrap().len() >> 20;
    let answers: Vec<String> = needles.iter().map(|needle| asked(&connection, detail, needle)).collect();
    println!("fts5 detail={detail:6} {size:5} MB, {each:?} a message; {}", answers.join(", "));
}

fn asked(connection: &Connection, detail: &str, needle: &str) -> String {
    let characters: Vec<char> = needle.chars().collect();
    let query = if detail == "full" {
        format!("\"{needle}\"")
    } else {
        let grams = characters.windows(3).map(|gram| format!("\"{}\"", gram.iter().collect::<String>()));
        grams.collect::<Vec<_>>().join(" AND ")
    };
    let mut statement = connection.prepare("SELECT rowid FROM gram WHERE gram MATCH ?1").unwrap();
    let mut ask = || statement.query_map([&query], |row| row.get::<_, i64>(0)).unwrap().count();
    ask();
    let began = Instant::now();
    let found = ask();
    format!("{found} in {:?}", began.elapsed())
}

/// Without an index, if all text lay folded in memory.
fn scan(texts: &[String], needles: &[&str]) {
    let answers = needles.iter().map(|needle| {
        let began = Instant::now();
        let found = texts.iter().filter(|text| text.contains(needle)).count();
        format!("{found} in {:?}", began.elapsed())
    });
    println!("scan of memory; {}", answers.collect::<Vec<_>>().join(", "));
}

/// What the store makes of it: candidates, and the time with each of them read and looked at.
fn through_the_store(data_dir: &Path, texts: &[String], needles: &[&str]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = Options { data_dir: data_dir.to_owned(), readers: 2 };
        let store = Store::open(options, bus::Bus::new()).await.unwrap();
        let new = NewAccount { name: "alice", password: "secret", quota_bytes: None };
        let alice = store.system_access(store.create_account(new).await.unwrap().id);
        for texts in texts.chunks(256) {
            // Together, so that they share their commits.
            let mut appending = tokio::task::JoinSet::new();
            for text in texts {
                let (store, alice, text) = (store.clone(), alice.clone(), text.clone());
                appending.spawn(async move { append(&store, &alice, &text).await });
            }
            appending.join_all().await;
        }
        let began = Instant::now();
        store.index_now(&alice).await.unwrap();
        println!("store: {:?} a message", began.elapsed() / u32::try_from(texts.len()).unwrap());
        for needle in needles {
            let began = Instant::now();
            let candidates = store.text_candidates(&alice, needle).await.unwrap().messages;
            let (named, looked_up) = (candidates.len(), began.elapsed());
            let found = read(&store, &alice, candidates, needle).await;
            println!("store: {named} named in {looked_up:?}, {found} found in {:?}", began.elapsed());
        }
        store.close().await.unwrap();
    });
}

async fn read(store: &Store, alice: &Access, candidates: Vec<store::MessageId>, needle: &str) -> usize {
    let mut found = 0;
    for chunk in candidates.chunks(256) {
        let raws = store.raws(alice, chunk.to_vec()).await.unwrap();
        let holds = |raw: &Bytes| message::fold(&String::from_utf8_lossy(raw)).contains(needle);
        found += raws.iter().filter(|(_, raw)| holds(raw)).count();
    }
    found
}

async fn append(store: &Store, alice: &Access, text: &str) {
    let bytes = Bytes::from(format!("Subject: bench\r\n\r\n{text}\r\n"));
    let message = NewMessage {
        raw: Raw { parsed: Arc::new(message::Parsed::parse(&bytes)), bytes },
        target: Target::NameOrInbox(MailboxName::inbox()),
        received_at: UnixTime(1_700_000_000),
        flags: Flags::default(),
        keywords: Vec::new(),
        cause: Cause::Import,
    };
    store.append(alice, message).await.unwrap();
}
