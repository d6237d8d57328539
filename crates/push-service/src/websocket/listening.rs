//! Which broadcasts an agent listens to and what it has been told of them, without sockets.
//!
//! Invariant: once [`Listening::news`] has been sent, the agent knows the present version of every broadcast that it
//! listens to; at most [`BROADCASTS_MAX`] of them.

use std::collections::BTreeMap;

use super::frame;
use crate::broadcast::{BroadcastId, Broadcasts, Version};

/// The broadcasts of one agent, each with the version that it knows.
#[derive(Debug, Default)]
pub struct Listening {
    known: Vec<(BroadcastId, Option<Version>)>,
}

impl Listening {
    /// Listens to what the agent asks for from now on, and says where it is behind. What does not exist is told as an
    /// error, and as news if it comes to exist later.
    pub fn ask(&mut self, asked: BTreeMap<String, String>, present: &Broadcasts) -> frame::Broadcasts {
        let mut answer = frame::Broadcasts::default();
        for (name, version) in asked {
            let Some(id) = BroadcastId::parse(&name) else {
                answer.errors.insert(name, NOT_FOUND);
                continue;
            };
            if self.known.iter().all(|(known, _)| *known != id) && self.known.len() >= BROADCASTS_MAX {
                answer.errors.insert(name, TOO_MANY);
                continue;
            }
            self.known.retain(|(known, _)| *known != id);
            let known = match present.find(&id) {
                Some((id, current)) => {
                    if current.as_str() != version {
                        answer.versions.insert(name, current.as_str().to_owned());
                    }
                    (id, Some(current))
                }
                None => {
                    answer.errors.insert(name, NOT_FOUND);
                    (id, None)
                }
            };
            self.known.push(known);
        }
        answer
    }

    /// What the agent listens to and does not know yet. One that has been removed is no news.
    pub fn news(&mut self, present: &Broadcasts) -> frame::Broadcasts {
        let mut answer = frame::Broadcasts::default();
        for (id, known) in &mut self.known {
            if let Some((_, current)) = present.find(id)
                && known.as_ref() != Some(&current)
            {
                answer.versions.insert(id.to_string(), current.as_str().to_owned());
                *known = Some(current);
            }
        }
        answer
    }
}

/// Broadcasts that one agent may listen to; more are answered with an error. Firefox has one.
const BROADCASTS_MAX: usize = 16;
/// The words of Mozilla's service.
const NOT_FOUND: &str = "Broadcast not found";
const TOO_MANY: &str = "Too many broadcasts";

#[cfg(test)]
mod tests;
