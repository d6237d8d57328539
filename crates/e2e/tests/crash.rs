//! `kill -9` at any moment: every message that got a 250 is there afterwards, the store checks clean, and the device is
//! told of every message (again, if need be).
//!
//! The real binary is killed and started again several times while messages are delivered on several connections and
//! pushed to a device. The moments come from a seed that is printed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use agent::agent::{Agent, Event, Events, Options};
use agent::imap::registration::{Account, register};
use agent::pushed::{self, Response};
use agent::state::StateStore;
use agent::trust::Trust;
use anyhow::{Context as _, Result, ensure};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};
use testkit::wait;

const ROUNDS: u64 = 5;
const SENDERS: usize = 4;

/// Delivers until told to stop; returns the subjects that were answered with 250.
fn deliver_until(stop: &AtomicBool, lmtp: std::net::SocketAddr, sender: usize) -> Vec<String> {
    let mut accepted = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        // The server may be down: try again until it is up.
        let Ok(mut connection) = Lmtp::connect(lmtp) else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            let subject = format!("sender-{sender}-number-{number}");
            match connection.deliver(&["alice"], &format!("Subject: {subject}\n\nbody of {subject}\n")) {
                Ok(replies) if replies.iter().all(|reply| reply.starts_with("250")) => accepted.push(subject),
                // Not accepted: whether it is there or not, nobody was promised anything.
                Ok(_) | Err(_) => break,
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    accepted
}

/// What the device knows: UIDs that it was told of, or that it has seen because it was told to synchronise.
#[derive(Default)]
struct Known {
    uids: BTreeSet<u32>,
    pushes: usize,
}

/// The device: reads pushes as a mail client would, and synchronises when told to.
async fn be_a_device(mut events: Events, imap: std::net::SocketAddr, known: Arc<Mutex<Known>>) {
    while let Some(event) = events.next().await {
        let Event::Push(delivery) = event else { continue };
        let mut told = BTreeSet::new();
        for response in pushed::parse(&delivery.push().cleartext) {
            match response {
                Response::UidFetch(fetch) => drop(told.insert(fetch.uid)),
                Response::Sync { .. } => told.extend(synchronise(imap).await),
                _ => {}
            }
        }
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.uids.append(&mut told);
        known.pushes += 1;
        drop(known);
        delivery.acknowledge();
    }
}

async fn synchronise(imap: std::net::SocketAddr) -> BTreeSet<u32> {
    let look = move || {
        wait::until(|| inbox(imap).ok()).map(|messages| messages.into_iter().map(|(uid, _)| uid).collect())
    };
    tokio::task::spawn_blocking(look).await.ok().flatten().unwrap_or_default()
}

/// UID and subject of each message in INBOX.
fn inbox(imap: std::net::SocketAddr) -> Result<Vec<(u32, String)>> {
    let mut imap = Imap::login(imap, "alice", PASSWORD)?;
    imap.ok("SELECT INBOX")?;
    let mut messages = Vec::new();
    for response in imap.ok("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")? {
        let Some((_, rest)) = response.split_once("(UID ") else { continue };
        let uid = rest.split(' ').next().context("no UID")?.parse()?;
        let (_, subject) =
            response.split_once("Subject: ").with_context(|| format!("no subject in {response}"))?;
        messages.push((uid, subject.lines().next().unwrap_or_default().to_owned()));
    }
    Ok(messages)
}

async fn device(server: &Mailbell) -> Result<(Agent, Events)> {
    let trust = Trust::system_and_file(&server.certificate())?;
    let store = StateStore::file(server.directory.path().join("agent.json"));
    let url = format!("wss://localhost:{}/", server.push.port());
    let (agent, events) = Agent::connect(Options::new(&url, trust.clone(), store)?).await?;
    let account =
        Account::parse(&format!("imaps://alice@localhost:{}/", server.imaps.port()), PASSWORD, trust)?;
    register(&account, &agent).await?;
    Ok((agent, events))
}

/// Kills and restarts the server at moments that come from the seed.
fn torment(server: &mut Mailbell, mut seed: u64) -> Result<()> {
    for _ in 0..ROUNDS {
        // SplitMix64's increment: any odd constant will do to spread the moments.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x9E37_79B9_7F4A_7C15);
        std::thread::sleep(Duration::from_millis(200 + (seed >> 33) % 1200));
        server.kill()?;
        server.launch()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_survives_kill_9_and_is_pushed() -> Result<()> {
    let seed = u64::from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.subsec_nanos());
    println!("seed {seed}");
    let mut server = Mailbell::start(&["alice"], "\n[push]\nmin_interval = \"100ms\"\n")?;
    let (_agent, events) = device(&server).await?;
    let known = Arc::new(Mutex::new(Known::default()));
    let device = tokio::spawn(be_a_device(events, server.imap, Arc::clone(&known)));

    let stop = Arc::new(AtomicBool::new(false));
    let lmtp = server.lmtp;
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let stop = Arc::clone(&stop);
            tokio::task::spawn_blocking(move || deliver_until(&stop, lmtp, sender))
        })
        .collect();
    let tormented = tokio::task::spawn_blocking(move || torment(&mut server, seed).map(|()| server)).await?;
    stop.store(true, Ordering::Relaxed);
    let server = tormented?;
    let mut accepted = Vec::new();
    for sender in senders {
        accepted.extend(sender.await?);
    }

    let there = inbox(server.imap)?;
    let subjects: BTreeSet<&str> = there.iter().map(|(_, subject)| subject.as_str()).collect();
    let lost: Vec<&String> = accepted.iter().filter(|subject| !subjects.contains(subject.as_str())).collect();
    ensure!(lost.is_empty(), "answered with 250 and lost: {lost:?}");
    ensure!(accepted.len() > 20, "only {} messages were accepted: nothing was tested", accepted.len());

    let checked = server.run(&["store", "check"])?;
    println!("{checked}");
    let untold = || -> BTreeSet<u32> {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        there.iter().map(|(uid, _)| *uid).filter(|uid| !known.uids.contains(uid)).collect()
    };
    let told = tokio::task::block_in_place(|| wait::until(|| untold().is_empty().then_some(())));
    ensure!(told.is_some(), "the device was never told of UIDs {:?}", untold());
    let pushes = known.lock().unwrap_or_else(PoisonError::into_inner).pushes;
    println!("{} accepted, {} there, {pushes} pushes", accepted.len(), there.len());
    device.abort();
    Ok(())
}
