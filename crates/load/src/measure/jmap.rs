//! JMAP: the first page of a mailbox, small and large, and how soon a client hears of new mail.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::Latencies;
use crate::client::jmap::{Events, Jmap};
use crate::client::lmtp::Lmtp;
use crate::messages::message;
use crate::server::{Ours, PASSWORD, Server, account};

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Messages of the large mailbox.
    pub large: u64,
    /// How long each rate is measured.
    pub duration: Duration,
}

/// Email/query with Email/get of 50 emails: subject, from, preview and keywords.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Page {
    /// Messages of the mailbox.
    pub mailbox_messages: u64,
    /// Requests a second.
    pub per_second: f64,
    /// Processor time of the server for a request, in milliseconds.
    pub cpu_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// The 99th of 100.
    pub p99_ms: f64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// By size of the mailbox.
    pub pages: Vec<Page>,
    /// From LMTP's 250 to the event, the median. An event that was read before the 250 counts as no delay.
    pub event_p50_ms: f64,
    /// The 99th of 100.
    pub event_p99_ms: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "jmap")?;
        for page in &self.pages {
            writeln!(
                f,
                "  page of 50 of {:>9}          {:>9.0} requests/s  {:.3} ms CPU each  p50 {:.2} ms  p99 {:.2} ms",
                page.mailbox_messages, page.per_second, page.cpu_ms, page.p50_ms, page.p99_ms
            )?;
        }
        writeln!(
            f,
            "  250 to the event              p50 {:.2} ms  p99 {:.2} ms",
            self.event_p50_ms, self.event_p99_ms
        )?;
        Ok(())
    }
}

/// Starts a server and measures it. `tell` is called with what is being done.
///
/// # Errors
/// If the server can't be started or refuses the load.
pub async fn run(
    program: &Path,
    directory: Option<&Path>,
    plan: Plan,
    tell: &mut impl FnMut(&str),
) -> Result<Measured> {
    let server = Server::mailbell(program, ACCOUNTS, directory).await?;
    let http = server.ours.as_ref().map(|ours: &Ours| ours.http).context("not ours")?;
    tell("jmap: new mail to the event");
    let events = events(&server, http).await?;
    let mut pages = Vec::new();
    for (number, messages) in [(0, SMALL_MESSAGES), (1, plan.large)] {
        tell(&format!("jmap: filling a mailbox with {messages} messages"));
        fill(&server, &account(number), messages).await?;
        settle(&server).await?;
        tell(&format!("jmap: pages of {messages} messages"));
        pages.push(page(&server, http, number, (messages, plan.duration)).await?);
    }
    Ok(Measured { pages, event_p50_ms: events.percentile_ms(50), event_p99_ms: events.percentile_ms(99) })
}

/// Over several connections, since each waits for a commit.
async fn fill(server: &Server, recipient: &str, messages: u64) -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for connection in 0..FILL_CONNECTIONS {
        let (address, recipient) = (server.lmtp, recipient.to_owned());
        let numbers =
            (0..messages).skip(usize::try_from(connection)?).step_by(usize::try_from(FILL_CONNECTIONS)?);
        tasks.spawn(async move {
            let mut client = Lmtp::connect(address).await?;
            for number in numbers {
                client.deliver(&recipient, &message(number, MESSAGE_BYTES)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// Waits until the server does nothing any more: texts are indexed behind the deliveries.
async fn settle(server: &Server) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < SETTLE_MAX {
        let before = server.tree().cpu()?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if server.tree().cpu()?.saturating_sub(before) < Duration::from_millis(50) {
            return Ok(());
        }
    }
    Ok(())
}

async fn page(
    server: &Server,
    http: SocketAddr,
    number: usize,
    (messages, duration): (u64, Duration),
) -> Result<Page> {
    let authorization = authorization(&account(number));
    let (id, inbox) = inbox(http, &authorization).await?;
    let calls = format!(
        "[[\"Email/query\",{{\"accountId\":\"{id}\",\"filter\":{{\"inMailbox\":\"{inbox}\"}},\
         \"sort\":[{{\"property\":\"receivedAt\",\"isAscending\":false}}],\"limit\":50}},\"0\"],\
         [\"Email/get\",{{\"accountId\":\"{id}\",\"#ids\":{{\"resultOf\":\"0\",\"name\":\"Email/query\",\"path\":\"/ids\"}},\
         \"properties\":[\"subject\",\"from\",\"preview\",\"keywords\"]}},\"1\"]]"
    );
    let mut clients = Vec::new();
    for _ in 0..PAGE_CONNECTIONS {
        let mut client = Jmap::connect(http, &authorization, &calls).await?;
        // Once unmeasured: what a server keeps from the first look is not what a client waits for every day.
        let answer = client.ask().await?;
        let emails = memchr::memmem::find_iter(&answer, b"\"preview\":").count();
        ensure!(emails == 50, "a page has {emails} emails: {}", String::from_utf8_lossy(&answer));
        clients.push(client);
    }
    let before = server.tree().cpu()?;
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < duration {
                let asked = Instant::now();
                client.ask().await?;
                latencies.push(asked.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    let elapsed = began.elapsed();
    let cpu = server.tree().cpu()?.saturating_sub(before);
    let requests = latencies.len();
    let latencies = Latencies::new(latencies);
    Ok(Page {
        mailbox_messages: messages,
        per_second: requests as f64 / elapsed.as_secs_f64(),
        cpu_ms: cpu.as_secs_f64() * 1000.0 / requests.max(1) as f64,
        p50_ms: latencies.percentile_ms(50),
        p99_ms: latencies.percentile_ms(99),
    })
}

/// The ids of an account and its INBOX.
async fn inbox(http: SocketAddr, authorization: &str) -> Result<(String, String)> {
    // An account that is not there is answered without its id; the first has the id A1, and so on.
    for number in 1..=ACCOUNTS {
        let calls = format!(
            "[[\"Mailbox/query\",{{\"accountId\":\"A{number}\",\"filter\":{{\"role\":\"inbox\"}}}},\"0\"]]"
        );
        let answer = Jmap::connect(http, authorization, &calls).await?.ask().await?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((_, rest)) = text.split_once("\"ids\":[\"")
            && let Some((inbox, _)) = rest.split_once('"')
        {
            return Ok((format!("A{number}"), inbox.to_owned()));
        }
    }
    anyhow::bail!("no account has an INBOX")
}

async fn events(server: &Server, http: SocketAddr) -> Result<Latencies> {
    let mut listening = Vec::new();
    for number in 0..ACCOUNTS {
        listening.push(Events::connect(http, &authorization(&account(number))).await?);
    }
    let mut sender = Lmtp::connect(server.lmtp).await?;
    let mut latencies = Vec::new();
    for number in 0..EVENT_MESSAGES {
        tokio::time::sleep(EVENT_PAUSE).await;
        // The mailboxes of pages are filled later.
        let at = 2 + number % (ACCOUNTS - 2);
        let client = listening.get_mut(at).context("no account")?;
        let (recipient, message) = (account(at), message(number as u64, MESSAGE_BYTES));
        let both = async { tokio::join!(sender.deliver(&recipient, &message), client.change()) };
        let (answered, told) =
            tokio::time::timeout(Duration::from_secs(10), both).await.context("no event")?;
        latencies.push(told?.saturating_duration_since(answered?));
    }
    Ok(Latencies::new(latencies))
}

fn authorization(name: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{PASSWORD}")))
}

const ACCOUNTS: usize = 8;
const SMALL_MESSAGES: u64 = 1000;
const MESSAGE_BYTES: usize = 1024;
const FILL_CONNECTIONS: u64 = 32;
const PAGE_CONNECTIONS: usize = 4;
const EVENT_MESSAGES: usize = 200;
const EVENT_PAUSE: Duration = Duration::from_millis(20);
/// A million messages are indexed in less.
const SETTLE_MAX: Duration = Duration::from_secs(1800);
