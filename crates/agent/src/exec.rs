//! Running a command for pushes, such as `mbsync -a`.
//!
//! [`Runner`]: one run at a time. What comes while one is going is put together into the next, so a burst of pushes causes
//! at most one further run; its standard input holds the bodies of all of them, one after the other.
//! [`run_once`]: one run for one push.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Runs one command again and again. Dropping it lets no further run begin and kills one that is going.
pub struct Runner {
    waiting: mpsc::Sender<Request>,
    task: JoinHandle<()>,
}

/// Why a run is not a good one.
#[derive(Debug, Clone, Error)]
pub enum RunError {
    /// The command could not be started.
    #[error("the command can't be started")]
    Start(#[source] Arc<std::io::Error>),
    /// It ended with a failure.
    #[error("the command failed: {0}")]
    Failed(ExitStatus),
    /// It took too long and was killed.
    #[error("the command took longer than {0:?}")]
    Timeout(Duration),
    /// The runner has ended.
    #[error("the runner has ended")]
    Ended,
}

type Outcome = Result<(), RunError>;

struct Request {
    body: Vec<u8>,
    done: oneshot::Sender<Outcome>,
}

impl Runner {
    /// A runner for a line that `/bin/sh` reads. A run that takes longer than `time_max` is killed.
    #[must_use]
    pub fn shell(line: &str, time_max: Duration) -> Self {
        let (waiting, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let task = tokio::spawn(work(line.to_owned(), time_max, requests));
        Self { waiting, task }
    }

    /// Has the command run with `body` on its standard input; returns when a run that had it has ended.
    pub async fn run(&self, body: Vec<u8>) -> Outcome {
        let (done, outcome) = oneshot::channel();
        self.waiting.send(Request { body, done }).await.map_err(|_| RunError::Ended)?;
        outcome.await.unwrap_or(Err(RunError::Ended))
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn work(line: String, time_max: Duration, mut requests: mpsc::Receiver<Request>) {
    let mut batch = Vec::new();
    while requests.recv_many(&mut batch, REQUESTS_WAITING_MAX).await > 0 {
        let mut input = Vec::new();
        for request in &batch {
            if input.len() + request.body.len() <= INPUT_BYTES_MAX {
                input.extend_from_slice(&request.body);
            } else {
                // The command runs for it all the same, and asks its server what is new.
                tracing::warn!(bytes = request.body.len(), "a push is left out of the command's input");
            }
        }
        let outcome = run_once(&line, &[], &input, time_max).await;
        for request in batch.drain(..) {
            // Whoever asked may have stopped waiting.
            let _told = request.done.send(outcome.clone());
        }
    }
}

/// Runs a line by `/bin/sh` once, with `input` on its standard input and `environment` beside what it inherits. A run that
/// takes longer than `time_max`, or whose future is dropped, is killed with all that it started.
pub async fn run_once(
    line: &str,
    environment: &[(&str, String)],
    input: &[u8],
    time_max: Duration,
) -> Result<(), RunError> {
    let failed = |error| RunError::Start(Arc::new(error));
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).stdin(whole(input).map_err(failed)?).process_group(0).kill_on_drop(true);
    command.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    let mut child = command.spawn().map_err(failed)?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let ended = timeout(time_max, child.wait()).await.map_err(|_| RunError::Timeout(time_max))?;
    // What it left in the background is meant to go on.
    group.0 = None;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(RunError::Failed(status)),
        Err(error) => Err(failed(error)),
    }
}

/// An input that is all there before the command begins: one that outlives us must not take a part of it for the whole.
fn whole(input: &[u8]) -> io::Result<Stdio> {
    let mut file = File::from(memfd_create("mailbell-push", MemfdFlags::CLOEXEC)?);
    file.write_all(input)?;
    file.rewind()?;
    Ok(Stdio::from(file))
}

/// The processes of a run that has not ended; killed when dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended just now: then there is nobody to kill.
            let _killed = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Pushes put together into one run; further callers wait.
const REQUESTS_WAITING_MAX: usize = 256;
const INPUT_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests;
