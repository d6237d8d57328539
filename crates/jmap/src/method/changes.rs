//! What all /changes methods share (RFC 8620 §5.2).

use serde::Deserialize;
use serde_json::{Map, json};
use store::ModSeq;

use super::Arguments;
use crate::reply::MethodError;
use crate::wire::number::UnsignedInt;
use crate::wire::state::State;

/// The arguments of a /changes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangesArguments {
    pub(crate) account_id: String,
    pub(crate) since_state: String,
    #[serde(default)]
    pub(crate) max_changes: Option<UnsignedInt>,
}

impl ChangesArguments {
    /// The state asked from, if it is one of this store and not of its future.
    pub(crate) fn since(&self, epoch: u64, now: ModSeq) -> Result<State, MethodError> {
        since(&self.since_state, epoch, now)
    }

    /// How many changes may be told; `None` is no limit of the client's.
    pub(crate) fn limit(&self) -> Result<usize, MethodError> {
        match self.max_changes {
            Some(UnsignedInt(0)) => {
                Err(MethodError::InvalidArguments("maxChanges is greater than zero".to_owned()))
            }
            Some(UnsignedInt(limit)) => Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(CHANGES_MAX)),
            None => Ok(CHANGES_MAX),
        }
    }
}

/// Reads a state.
pub(crate) fn since(text: &str, epoch: u64, now: ModSeq) -> Result<State, MethodError> {
    let known = State::parse(text).filter(|since| since.epoch == epoch && since.modseq <= now);
    known.ok_or(MethodError::CannotCalculateChanges)
}

/// What has changed, sorted out.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) created: Vec<String>,
    pub(crate) updated: Vec<String>,
    pub(crate) destroyed: Vec<String>,
}

impl Sorted {
    /// How many ids there are.
    pub(crate) fn len(&self) -> usize {
        self.created.len() + self.updated.len() + self.destroyed.len()
    }
}

/// The response.
pub(crate) fn response(
    arguments: &ChangesArguments,
    new: State,
    has_more: bool,
    Sorted { created, updated, destroyed }: Sorted,
) -> Arguments {
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(arguments.account_id));
    response.insert("oldState".to_owned(), json!(arguments.since_state));
    response.insert("newState".to_owned(), json!(new.to_string()));
    response.insert("hasMoreChanges".to_owned(), json!(has_more));
    response.insert("created".to_owned(), json!(created));
    response.insert("updated".to_owned(), json!(updated));
    response.insert("destroyed".to_owned(), json!(destroyed));
    response
}

/// Changes that one response tells; the others come with the next.
const CHANGES_MAX: usize = 10_000;
