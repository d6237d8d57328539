//! What no push service can avoid, on this machine in this run: a disk that has to sync, a signature that has to be
//! verified once, and a token that has to be recognised for each push.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use webpush::origin::Origin;
use webpush::vapid::key::SigningKey;
use webpush::vapid::token::{Authorization, Claims};
use webpush::vapid::verify::Verifier;

use super::BODY_BYTES;

/// The limits.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bare {
    /// Writes of 4 KiB, each synced with fdatasync(2) before the next, into a file that does not grow: durable group
    /// commits a second.
    pub synced_writes_per_second: f64,
    /// Processor time of one such write, in microseconds.
    pub synced_write_cpu_us: f64,
    /// Processor time to verify a VAPID token that has not been seen (ECDSA on P-256), in microseconds.
    pub verify_us: f64,
    /// Processor time to recognise one that has, in microseconds.
    pub recognise_us: f64,
    /// Processor time of the keyed hash in a push resource (BLAKE3), in microseconds.
    pub token_us: f64,
    /// Processor time to send the bytes of a push through a loopback socket and read them, in microseconds: the kernel's
    /// share in each of the four messages (post, 201, notification, acknowledgement) that a push takes.
    pub socket_us: f64,
}

/// Measures them, the disk being the one of `directory`. Blocking.
///
/// # Errors
/// If the disk or the cryptographic library fails.
pub fn run(directory: &Path) -> Result<Bare> {
    let (synced_writes_per_second, synced_write_cpu_us) = disk(directory)?;
    let (verify_us, recognise_us) = tokens()?;
    let key = [7; 32];
    let mut number = 0_u64;
    let token_us = each(|| {
        number = number.wrapping_add(1);
        let mut tag = [0; 16];
        blake3::Hasher::new_keyed(&key).update(&number.to_be_bytes()).finalize_xof().fill(&mut tag);
        black_box(tag);
        Ok(())
    })?;
    Ok(Bare {
        synced_writes_per_second,
        synced_write_cpu_us,
        verify_us,
        recognise_us,
        token_us,
        socket_us: socket()?,
    })
}

fn disk(directory: &Path) -> Result<(f64, f64)> {
    let path = directory.join("bare");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let page = [0x5a; 4096];
    for _ in 0..FILE_PAGES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    let (started, cpu) = (Instant::now(), thread_time());
    let mut writes = 0_u64;
    while started.elapsed() < DISK_TIME {
        file.write_all_at(&page, (writes % FILE_PAGES).saturating_mul(4096))?;
        file.sync_data()?;
        writes = writes.saturating_add(1);
    }
    let (elapsed, cpu) = (started.elapsed(), thread_time().saturating_sub(cpu));
    std::fs::remove_file(&path)?;
    let writes = writes.max(1) as f64;
    Ok((writes / elapsed.as_secs_f64(), cpu.as_secs_f64() * 1e6 / writes))
}

fn tokens() -> Result<(f64, f64)> {
    let origin = Origin::parse("https://push.example").context("no origin")?;
    let key = SigningKey::generate()?;
    let now = SystemTime::now();
    let claims = Claims { audience: origin.clone(), expires: now + Duration::from_secs(3600), contact: None };
    let authorization = Authorization::sign(&key, &claims)?;
    // A verifier that remembers nothing, and one that does.
    let verify = |capacity| {
        let verifier = Verifier::new(origin.clone(), capacity);
        each(|| {
            black_box(verifier.verify(Some(authorization.as_str()), None, now)?);
            Ok(())
        })
    };
    Ok((verify(0)?, verify(1)?))
}

fn socket() -> Result<f64> {
    use std::io::Read as _;
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let mut sending = std::net::TcpStream::connect(listener.local_addr()?)?;
    sending.set_nodelay(true)?;
    let mut receiving = listener.accept()?.0;
    let mut bytes = [0x5a; BODY_BYTES];
    each(|| {
        sending.write_all(&bytes)?;
        Ok(receiving.read_exact(&mut bytes)?)
    })
}

/// The processor time of this thread for one call, in microseconds.
fn each(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let before = thread_time();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(thread_time().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(CALLS))
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

const CALLS: u32 = 5000;
const DISK_TIME: Duration = Duration::from_secs(2);
/// As many pages as a log of 4 MiB.
const FILE_PAGES: u64 = 1024;
