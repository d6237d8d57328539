//! Subscriptions, made through the protocol that Firefox speaks: agents connect, register their channels and leave.
//!
//! The first [`CONNECTED_AGENTS`] come back to be pushed to; all others stay away.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::senders::{Senders, sender_of};
use super::server::PushServer;

/// Everybody that the service knows; nobody at first.
#[derive(Default)]
pub struct Population {
    /// The agents in the order of their subscriptions, and how many each has.
    agents: Vec<Member>,
    /// The push resources; which sender may post to one is [`sender_of`] its index.
    resources: Vec<Box<str>>,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name at the service.
    pub uaid: String,
    /// How many subscriptions it has.
    pub subscriptions: usize,
}

impl Population {
    /// How many subscriptions there are.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.resources.len()
    }

    /// The agents that come back, and their push resources.
    #[must_use]
    pub fn connected(&self) -> (&[Member], &[Box<str>]) {
        self.split_at_connected(true)
    }

    /// The agents that stay away, their push resources, and the index of the first of these.
    #[must_use]
    pub fn absent(&self) -> (&[Member], &[Box<str>], usize) {
        let (agents, resources) = self.split_at_connected(false);
        (agents, resources, self.resources.len().saturating_sub(resources.len()))
    }

    fn split_at_connected(&self, before: bool) -> (&[Member], &[Box<str>]) {
        let agents = self.agents.split_at_checked(CONNECTED_AGENTS).unwrap_or((&self.agents, &[]));
        let subscriptions = agents.0.iter().map(|agent| agent.subscriptions).sum();
        let resources = self.resources.split_at_checked(subscriptions).unwrap_or((&self.resources, &[]));
        if before { (agents.0, resources.0) } else { (agents.1, resources.1) }
    }

    /// Grows to `subscriptions` subscriptions: up to [`SMALL`] by agents with few of them, from there on by agents with
    /// many, because those are registered sooner.
    ///
    /// # Errors
    /// If one is refused.
    pub async fn grow(
        &mut self,
        server: &Arc<PushServer>,
        senders: &Senders,
        subscriptions: usize,
    ) -> Result<()> {
        let keys = Arc::new(senders.keys.clone());
        let mut under_way = JoinSet::new();
        let mut next = self.resources.len();
        let mut made = Vec::new();
        while next < subscriptions || !under_way.is_empty() {
            if next < subscriptions && under_way.len() < REGISTERING {
                let many = if next < SMALL { CHANNELS } else { CHANNELS_OF_LATER_AGENTS };
                let count = many.min(subscriptions - next);
                under_way.spawn(register(Arc::clone(server), Arc::clone(&keys), next, count));
                next += count;
            } else if let Some(done) = under_way.join_next().await {
                made.push(done??);
            }
        }
        made.sort_by_key(|(first, _, _)| *first);
        for (_, uaid, resources) in made {
            self.agents.push(Member { uaid, subscriptions: resources.len() });
            self.resources.extend(resources);
        }
        Ok(())
    }
}

/// One agent with the subscriptions numbered from `first`.
async fn register(
    server: Arc<PushServer>,
    keys: Arc<Vec<String>>,
    first: usize,
    count: usize,
) -> Result<(usize, String, Vec<Box<str>>)> {
    let mut agent = server.connect().await?;
    let uaid = agent.hello(None).await?;
    let mut resources = Vec::with_capacity(count);
    for number in first..first.saturating_add(count) {
        let key = keys.get(sender_of(number)).context("a key for each sender")?;
        agent.ask_for_subscription(&channel(number), Some(key)).await?;
    }
    for _ in 0..count {
        resources.push(agent.push_resource().await?);
    }
    Ok((first, uaid, resources))
}

/// A UUID of version 4 for each number.
fn channel(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-{number:012x}")
}

/// Agents that are connected while messages for them are measured.
pub const CONNECTED_AGENTS: usize = 50;
/// Subscriptions of each of the first agents.
const CHANNELS: usize = 10;
/// So many subscriptions are held by agents with few.
const SMALL: usize = 1000;
const CHANNELS_OF_LATER_AGENTS: usize = 100;
/// Agents that register at the same time.
const REGISTERING: usize = 128;

#[cfg(test)]
mod tests {
    use super::channel;

    #[test]
    fn channels_are_uuids_and_differ() {
        assert_eq!(channel(255), "000000ff-0000-4000-8000-0000000000ff");
        assert_eq!(channel(999_999).len(), 36);
    }
}
