//! One large mailbox: opening it, catching up with it, changing much of it, searching its texts, reading large bodies.
//!
//! Each figure is what one client sees, the median of a few; the first look of all is told apart.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::Latencies;
use crate::client::imap::Imap;
use crate::client::lmtp::Lmtp;
use crate::messages::message;
use crate::server::{PASSWORD, Server, account};

/// What came of it. A figure that a server can't give is absent.
#[derive(Clone, Debug, Serialize)]
pub struct Mailbox {
    /// Messages of 1 KiB in it.
    pub messages: u64,
    /// The first SELECT, when no other session has it open.
    pub select_cold_ms: f64,
    /// SELECT while another session has it open.
    pub select_warm_ms: f64,
    /// Memory of the server for each further session on it.
    pub session_kib: f64,
    /// SELECT with QRESYNC after ten changes.
    pub qresync_ms: Option<f64>,
    /// `STORE +FLAGS.SILENT` on [`STORED`] messages.
    pub store_ms: f64,
    /// The first SEARCH TEXT.
    pub search_first_ms: f64,
    /// SEARCH TEXT of a rare word, later.
    pub search_ms: f64,
    /// FETCH of bodies of [`LARGE_BYTES`], in MB/s.
    pub body_mb_per_second: f64,
}

/// What stands behind the server's name.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, ", a mailbox of {} messages", self.messages)?;
        writeln!(
            f,
            "  SELECT                        {:.1} ms at first, {:.1} ms later",
            self.select_cold_ms, self.select_warm_ms
        )?;
        writeln!(f, "  each further session          {:.0} KiB", self.session_kib)?;
        if let Some(ms) = self.qresync_ms {
            writeln!(f, "  QRESYNC after 10 changes      {ms:.2} ms")?;
        }
        writeln!(f, "  STORE on {} messages       {:.0} ms", STORED.min(self.messages), self.store_ms)?;
        writeln!(
            f,
            "  SEARCH TEXT                   {:.0} ms at first, {:.2} ms later",
            self.search_first_ms, self.search_ms
        )?;
        writeln!(f, "  FETCH of large bodies         {:.0} MB/s", self.body_mb_per_second)?;
        Ok(())
    }
}

/// Fills a mailbox and works on it. `tell` is called with what is being done.
///
/// # Errors
/// If the server refuses something.
pub async fn run(server: &Server, messages: u64, mut tell: impl FnMut(&str)) -> Result<Mailbox> {
    tell(&format!("{}: delivering {messages} messages to one mailbox", server.name));
    fill(server, messages).await?;
    tell(&format!("{}: opening the mailbox", server.name));
    let mut first = login(server).await?;
    let (select_cold_ms, _) = timed(&mut first, "SELECT INBOX").await?;
    let before = server.tree().memory()?;
    let mut sessions = Vec::new();
    let mut selects = Vec::new();
    for _ in 0..SESSIONS {
        let mut session = login(server).await?;
        selects.push(timed(&mut session, "SELECT INBOX").await?.0);
        sessions.push(session);
    }
    let session_kib = server.tree().memory()?.saturating_sub(before) as f64 / 1024.0 / SESSIONS as f64;
    tell(&format!("{}: catching up with ten changes", server.name));
    let qresync_ms = qresync(server, &mut first).await?;
    tell(&format!("{}: STORE on {STORED} messages", server.name));
    let stored = STORED.min(messages);
    let (store_ms, _) = timed(&mut first, &format!("STORE 1:{stored} +FLAGS.SILENT (\\Flagged)")).await?;
    drop(sessions);
    tell(&format!("{}: SEARCH TEXT", server.name));
    let (search_first_ms, search_ms) = search(&mut first, messages).await?;
    tell(&format!("{}: FETCH of large bodies", server.name));
    let body_mb_per_second = bodies(server).await?;
    Ok(Mailbox {
        messages,
        select_cold_ms,
        select_warm_ms: median(selects),
        session_kib,
        qresync_ms,
        store_ms,
        search_first_ms,
        search_ms,
        body_mb_per_second,
    })
}

async fn fill(server: &Server, messages: u64) -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for connection in 0..FILLERS {
        let (address, recipient) = (server.lmtp, account(0));
        tasks.spawn(async move {
            let mut client = Lmtp::connect(address).await?;
            for number in (connection..messages).step_by(usize::try_from(FILLERS)?) {
                client.deliver(&recipient, &message(number, 1024)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// Ten changes by one session, and how long another takes to learn of them.
async fn qresync(server: &Server, first: &mut Imap) -> Result<Option<f64>> {
    let mut session = login(server).await?;
    if !session.capability("QRESYNC").await? {
        return Ok(None);
    }
    session.command("ENABLE QRESYNC").await?;
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let (_, opened) = timed(&mut session, "SELECT INBOX").await?;
        let code = |name: &str| number_after(&opened, name).with_context(|| format!("no {name}"));
        let (validity, modseq) = (code("UIDVALIDITY ")?, code("HIGHESTMODSEQ ")?);
        session.command("UNSELECT").await?;
        for number in 0..10 {
            let changed = round * 10 + number;
            first.command(&format!("STORE {changed} +FLAGS.SILENT (\\Answered)")).await?;
        }
        let select = format!("SELECT INBOX (QRESYNC ({validity} {modseq}))");
        let (elapsed, answer) = timed(&mut session, &select).await?;
        let changed = answer.iter().filter(|line| memchr::memmem::find(line, b" FETCH (").is_some()).count();
        ensure!(changed == 10, "{} told {changed} of 10 changes", server.name);
        session.command("UNSELECT").await?;
        times.push(elapsed);
    }
    Ok(Some(median(times)))
}

/// The first search, and the median of later ones: ours indexes texts once somebody searches them.
async fn search(session: &mut Imap, messages: u64) -> Result<(f64, f64)> {
    // Words that stand in one message each.
    let wanted = |number: u64| format!("SEARCH TEXT \"sender{}@load.invalid\"", messages - number);
    let (first, _) = timed(session, &wanted(1)).await?;
    let until = Instant::now() + INDEXED_WITHIN;
    let mut last = first;
    loop {
        let (elapsed, _) = timed(session, &wanted(2)).await?;
        let is_settled = elapsed > last * 0.8;
        last = elapsed;
        if is_settled || Instant::now() > until {
            break;
        }
        tokio::time::sleep(INDEXED_LOOK).await;
    }
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let (elapsed, answer) = timed(session, &wanted(round + 2)).await?;
        let found =
            answer.iter().any(|line| line.starts_with(b"* SEARCH ") && line.len() > b"* SEARCH ".len());
        ensure!(found, "the search found nothing");
        times.push(elapsed);
    }
    Ok((first, median(times)))
}

async fn bodies(server: &Server) -> Result<f64> {
    let mut client = Lmtp::connect(server.lmtp).await?;
    for number in 0..LARGE_MESSAGES {
        client.deliver(&account(1), &message(number, LARGE_BYTES)).await?;
    }
    let mut session = Imap::login(server.imap, &account(1), PASSWORD).await?;
    session.command("SELECT INBOX").await?;
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        bytes = session.fetch_bodies().await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    ensure!(bytes >= LARGE_BYTES * usize::try_from(LARGE_MESSAGES)?, "bodies are missing");
    Ok(bytes as f64 / 1e6 / (median(times) / 1000.0))
}

async fn login(server: &Server) -> Result<Imap> {
    Imap::login(server.imap, &account(0), PASSWORD).await
}

/// How long a command takes, in milliseconds, and its untagged answers.
async fn timed(session: &mut Imap, command: &str) -> Result<(f64, Vec<Vec<u8>>)> {
    let began = Instant::now();
    let answer = session.answer(command).await?;
    Ok((began.elapsed().as_secs_f64() * 1000.0, answer))
}

fn number_after(lines: &[Vec<u8>], name: &str) -> Option<u64> {
    let text = lines.iter().map(|line| String::from_utf8_lossy(line));
    text.filter_map(|line| {
        let (_, rest) = line.split_once(name)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
    .next()
}

fn median(milliseconds: Vec<f64>) -> f64 {
    let times = milliseconds.into_iter().map(|time| Duration::from_secs_f64(time / 1000.0)).collect();
    Latencies::new(times).percentile_ms(50)
}

/// Messages whose flags are stored at once.
pub const STORED: u64 = 10_000;
/// The size of a message with a large body.
pub const LARGE_BYTES: usize = 16 << 20;
const LARGE_MESSAGES: u64 = 8;
const FILLERS: u64 = 32;
const SESSIONS: usize = 10;
const ROUNDS: u64 = 5;
const INDEXED_WITHIN: Duration = Duration::from_secs(600);
const INDEXED_LOOK: Duration = Duration::from_secs(10);
