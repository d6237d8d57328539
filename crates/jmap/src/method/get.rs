//! What all /get methods share (RFC 8620 §5.1).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Arguments, Context};
use crate::reply::MethodError;
use crate::wire::id;

/// The arguments of a /get without arguments of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GetArguments {
    pub(crate) account_id: String,
    #[serde(default)]
    pub(crate) ids: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) properties: Option<Vec<String>>,
}

/// Checks ids: each once, in order, not too many; ids of what the request has made are put in their places.
pub(crate) fn wanted(ids: Vec<String>, context: &Context<'_>) -> Result<Vec<String>, MethodError> {
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::with_capacity(ids.len());
    for given in ids {
        let id = context.resolved(&given).unwrap_or(given);
        if !id::is_id(&id) {
            return Err(MethodError::InvalidArguments(format!("{id:?} is not an id")));
        }
        if seen.insert(id.clone()) {
            wanted.push(id);
        }
    }
    if wanted.len() > context.server.options.limits.objects_in_get {
        return Err(MethodError::RequestTooLarge);
    }
    Ok(wanted)
}

/// Which of the known properties are wanted; `id` always is.
pub(crate) fn properties(
    wanted: Option<Vec<String>>,
    known: &[&'static str],
) -> Result<BTreeSet<&'static str>, MethodError> {
    let Some(wanted) = wanted else { return Ok(known.iter().copied().collect()) };
    let mut chosen = BTreeSet::from(["id"]);
    for name in wanted {
        let found = known.iter().find(|known| **known == name);
        chosen.insert(found.ok_or_else(|| unknown_property(&name))?);
    }
    Ok(chosen)
}

/// RFC 8620 §5.1: an unknown property is `invalidArguments`.
pub(crate) fn unknown_property(name: &str) -> MethodError {
    MethodError::InvalidArguments(format!("there is no property {name:?}"))
}

/// The response.
pub(crate) fn response(account: &str, state: String, list: Vec<Value>, not_found: Vec<String>) -> Arguments {
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(account));
    response.insert("state".to_owned(), Value::String(state));
    response.insert("list".to_owned(), Value::Array(list));
    response.insert("notFound".to_owned(), json!(not_found));
    response
}
