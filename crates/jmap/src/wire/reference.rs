//! References to results of earlier calls (RFC 8620 §3.7).
//!
//! `"#ids": {"resultOf": "c1", "name": "Email/query", "path": "/ids"}` stands for the argument `ids` with what the path, a JSON
//! Pointer (RFC 6901) in which `*` goes through all elements of a list, finds in the response to `c1`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::wire::request::{Invocation, Request};

#[cfg(test)]
mod tests;

/// Why arguments can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// RFC 8620 §3.7: `invalidArguments`, both `name` and `#name` are there.
    #[error("both {0:?} and its reference are given")]
    Both(String),
    /// RFC 8620 §3.7: `invalidResultReference`.
    #[error("{0:?} refers to no result")]
    Unresolved(String),
}

/// A reference.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResultReference {
    result_of: String,
    name: String,
    path: String,
}

/// Puts what references refer to into their places. `responses` are those so far, in order.
///
/// # Errors
/// [`ReferenceError`].
pub fn resolve(
    arguments: Map<String, Value>,
    responses: &[Invocation],
) -> Result<Map<String, Value>, ReferenceError> {
    if !arguments.keys().any(|name| name.starts_with('#')) {
        return Ok(arguments);
    }
    let mut resolved = Map::new();
    let mut references = Vec::new();
    for (name, value) in arguments {
        match name.strip_prefix('#') {
            Some(plain) => references.push((plain.to_owned(), value)),
            None => {
                resolved.insert(name, value);
            }
        }
    }
    for (name, reference) in references {
        if resolved.contains_key(&name) {
            return Err(ReferenceError::Both(name));
        }
        match look_up(reference, responses) {
            Some(value) => resolved.insert(name, value),
            None => return Err(ReferenceError::Unresolved(name)),
        };
    }
    Ok(resolved)
}

fn look_up(reference: Value, responses: &[Invocation]) -> Option<Value> {
    let reference: ResultReference = serde_json::from_value(reference).ok()?;
    // The first response with that id; a method that answers twice is not found behind it.
    let response = responses.iter().find(|response| response.id == reference.result_of)?;
    if response.name != reference.name {
        return None;
    }
    let mut budget = VALUES_MAX;
    match reference.path.strip_prefix('/') {
        Some(path) => {
            let (first, rest) = split(path);
            evaluate(response.arguments.get(&unescaped(first)?)?, rest, &mut budget)
        }
        None if reference.path.is_empty() => Some(Value::Object(response.arguments.clone())),
        None => None,
    }
}

/// What a path finds in a value; `None` is the end of the path.
fn evaluate(value: &Value, path: Option<&str>, budget: &mut usize) -> Option<Value> {
    let Some(path) = path else {
        *budget = budget.checked_sub(weight(value))?;
        return Some(value.clone());
    };
    let (token, rest) = split(path);
    match value {
        Value::Object(fields) => evaluate(fields.get(&unescaped(token)?)?, rest, budget),
        // RFC 8620 §3.7: lists that are found in the elements are joined into one.
        Value::Array(elements) if token == "*" => {
            let mut found = Vec::new();
            for element in elements {
                match evaluate(element, rest, budget)? {
                    Value::Array(inner) => found.extend(inner),
                    other => found.push(other),
                }
            }
            Some(Value::Array(found))
        }
        Value::Array(elements) => evaluate(elements.get(index(token)?)?, rest, budget),
        _ => None,
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(token, rest)| (token, Some(rest)))
}

/// RFC 6901 §4: no sign and no leading zero.
fn index(token: &str) -> Option<usize> {
    let is_number =
        token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number { token.parse().ok() } else { None }
}

/// RFC 6901 §3: `~1` is `/`, `~0` is `~`, and no other `~` may stand there.
pub(crate) fn unescaped(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(char) = chars.next() {
        text.push(match char {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// How many values a value consists of.
fn weight(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(weight).sum::<usize>().saturating_add(1),
        Value::Object(fields) => fields.values().map(weight).sum::<usize>().saturating_add(1),
        _ => 1,
    }
}

/// For the fuzzer: decodes a request and resolves each call against the calls before it. Whether it was one.
pub fn replay(body: &[u8]) -> bool {
    let Ok(request) = Request::parse(body) else { return false };
    let mut responses: Vec<Invocation> = Vec::new();
    for call in request.calls {
        let resolved = resolve(call.arguments.clone(), &responses);
        if let Ok(resolved) = &resolved {
            assert!(resolved.keys().all(|name| !name.starts_with('#') || name.starts_with("##")));
        }
        let arguments = resolved.unwrap_or(call.arguments);
        responses.push(Invocation { arguments, ..call });
    }
    true
}

/// Values that one reference may bring; more are no result, so that references to references can't grow without end.
const VALUES_MAX: usize = 100_000;
