//! What a durable message costs, beside what the disk alone takes for the same bytes in the same run; and what FETCH
//! reads cost. CPU time for each message is printed, since the aim is stated in it (0.2 ms in the store).
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to tell but the one who reads the panic")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use store::{
    Access, Cause, Columns, Flags, MailboxName, NewAccount, NewMessage, Options, Raw, Store, Target, Uid,
    UnixTime,
};
use tokio::runtime::Runtime;

struct Home {
    runtime: Runtime,
    store: Store,
    accounts: Vec<Access>,
    directory: tempfile::TempDir,
}

impl Home {
    fn new(accounts: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let directory = tempfile::tempdir_in(std::env::var_os("BENCH_DIR").unwrap_or(".".into())).unwrap();
        let options = Options { data_dir: directory.path().join("data"), readers: 2 };
        let (store, accounts) = runtime.block_on(async {
            let store = Store::open(options, bus::Bus::new()).await.unwrap();
            let mut accesses = Vec::new();
            for number in 0..accounts {
                let name = format!("account{number}");
                let new = NewAccount { name: &name, password: "secret", quota_bytes: None };
                accesses.push(store.system_access(store.create_account(new).await.unwrap().id));
            }
            (store, accesses)
        });
        Self { runtime, store, accounts, directory }
    }

    /// Delivers these with one task for each account; the time until the last is on disk.
    fn deliver(&self, deliverers: usize, messages: Vec<NewMessage>) -> Duration {
        let each = messages.len().div_ceil(deliverers);
        let shares: Vec<Vec<NewMessage>> = messages.chunks(each).map(<[_]>::to_vec).collect();
        let began = Instant::now();
        self.runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for (access, share) in self.accounts.iter().zip(shares) {
                let (store, access) = (self.store.clone(), access.clone());
                tasks.spawn(async move {
                    for message in share {
                        store.append(&access, message).await.unwrap();
                    }
                });
            }
            tasks.join_all().await;
        });
        began.elapsed()
    }
}

/// Distinct messages of 4 KiB.
fn messages(count: u64, salt: u64) -> Vec<NewMessage> {
    (0..count)
        .map(|number| {
            let mut text = format!(
                "From: Someone <someone@example.org>\r\nTo: account@example.org\r\nSubject: message {number}\r\n\
                 Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{salt}.{number}@example.org>\r\n\r\n"
            );
            while text.len() < 4096 {
                text.push_str("A line of text such as people write to each other, some 70 bytes long.\r\n");
            }
            text.truncate(4096);
            let bytes = Bytes::from(text);
            NewMessage {
                raw: Raw { parsed: Arc::new(message::Parsed::parse(&bytes)), bytes },
                target: Target::NameOrInbox(MailboxName::inbox()),
                received_at: UnixTime(1_700_000_000),
                flags: Flags::default(),
                keywords: Vec::new(),
                cause: Cause::Delivery,
            }
        })
        .collect()
}

/// CPU time of this process so far, all threads: user and system, in ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<u64> =
        stat.rsplit_once(')').unwrap().1.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // After the command's name and state: utime and stime are the 11th and 12th numbers.
    Duration::from_millis(10 * (fields.get(10).unwrap() + fields.get(11).unwrap()))
}

fn bare(directory: &Path, count: u64) -> Duration {
    let mut file = OpenOptions::new().create(true).append(true).open(directory.join("bare")).unwrap();
    let bytes = vec![b'x'; 4096];
    let began = Instant::now();
    for _ in 0..count {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    }
    began.elapsed()
}

fn appends(criterion: &mut Criterion) {
    let home = Home::new(64);
    let mut group = criterion.benchmark_group("durable_4_kib");
    group.sample_size(10).throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(5));
    let mut salt = 0;
    for deliverers in [1, 64] {
        let (mut cpu_used, mut count) = (Duration::ZERO, 0);
        group.bench_function(BenchmarkId::new("store", deliverers), |bencher| {
            bencher.iter_custom(|iterations| {
                salt += 1;
                let messages = messages(iterations, salt);
                let before = cpu();
                let taken = home.deliver(deliverers, messages);
                cpu_used += cpu() - before;
                count += iterations;
                taken
            });
        });
        let each = cpu_used.as_secs_f64() * 1e6 / f64::from(u32::try_from(count).unwrap());
        println!("{deliverers} deliverers: {each:.0} us of CPU for a message, all threads");
    }
    group.bench_function("write and fdatasync", |bencher| {
        bencher.iter_custom(|iterations| bare(home.directory.path(), iterations));
    });
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    let home = Home::new(1);
    let count = 10_000;
    home.deliver(1, messages(1, 0));
    let (runtime, store) = (&home.runtime, &home.store);
    let access = home.accounts.first().unwrap();
    let batches = messages(count - 1, 1);
    for batch in batches.chunks(500) {
        let _ = runtime.block_on(store.append_many(access, batch.to_vec())).unwrap();
    }
    let inbox = runtime.block_on(store.mailbox_named(access, &MailboxName::inbox())).unwrap().id;
    let mut group = criterion.benchmark_group("read");
    group.sample_size(20).throughput(Throughput::Elements(500));
    for (name, envelope) in [("flags of 500", false), ("envelope and flags of 500", true)] {
        let columns = Columns { envelope, structure: false, summary: false };
        let mut first = 1;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let uids = (first..first + 500).map(Uid).collect();
                first = if first > 9_000 { 1 } else { first + 500 };
                runtime.block_on(store.messages(access, inbox, uids, columns)).unwrap()
            });
        });
    }
    group.throughput(Throughput::Elements(count));
    group.bench_function("view of 10000", |bencher| {
        bencher.iter(|| runtime.block_on(store.view(access, inbox)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, appends, reads);
criterion_main!(benches);
