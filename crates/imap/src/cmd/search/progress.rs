//! Tells a client that waits for a long search how far it is (RFC 9585).

use std::time::Duration;

use tokio::time::Instant;

use crate::conn::Link;
use crate::limits::Limits;
use crate::reply::Failure;
use crate::wire::command::Tag;
use crate::wire::status::{Code, Status};

/// How far a command is.
pub(crate) struct Progress<'p> {
    link: &'p mut Link,
    tag: &'p Tag,
    every: Duration,
    told: Instant,
    done: usize,
    goal: usize,
}

impl<'p> Progress<'p> {
    /// Nothing is done, and nothing is known of the goal.
    pub(crate) fn new(link: &'p mut Link, tag: &'p Tag, limits: &Limits) -> Self {
        Self { link, tag, every: limits.progress_time, told: Instant::now(), done: 0, goal: 0 }
    }

    /// Tells nothing: the client does not wait.
    pub(crate) fn quiet(self) -> Self {
        Self { every: Duration::MAX, ..self }
    }

    /// There is so much more to do.
    pub(crate) fn expect(&mut self, more: usize) {
        self.goal = self.goal.saturating_add(more);
    }

    /// So much more has been done. Tells it if the client has heard nothing for a while.
    pub(crate) async fn step(&mut self, more: usize) -> Result<(), Failure> {
        self.done = self.done.saturating_add(more).min(self.goal);
        if self.told.elapsed() < self.every || self.goal == 0 {
            return Ok(());
        }
        self.told = Instant::now();
        let code = Code::InProgress { tag: self.tag.clone(), done: self.done, goal: self.goal };
        Status::ok("still searching").with(code).encode(&mut self.link.out, None);
        self.link.flush().await?;
        Ok(())
    }
}
