//! The Request object (RFC 8620 §3.3) and its decoder.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::wire::json::{self, NotJson};

#[cfg(test)]
mod tests;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Capabilities that the client uses.
    pub using: Vec<String>,
    /// What to do, in order.
    pub calls: Vec<Invocation>,
    /// Ids of objects made in earlier requests, by the client's own.
    pub created_ids: Option<BTreeMap<String, String>>,
}

/// A method call, or a response to one (RFC 8620 §3.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// Its name, such as `Email/get`.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// What the client calls it, repeated in the response.
    pub id: String,
}

/// Why a body is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// RFC 8620 §3.6.1 `notJSON`.
    #[error("not I-JSON: {0}")]
    NotJson(#[from] NotJson),
    /// RFC 8620 §3.6.1 `notRequest`.
    #[error("not a Request object: {0}")]
    NotRequest(&'static str),
}

impl Request {
    /// Reads a request. What it does not know is passed over, as RFC 8620 §3.3 leaves room for more.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        Self::from_value(json::parse(body)?)
    }

    /// Reads a request that has been taken out of something else, such as a WebSocket's message.
    ///
    /// # Errors
    /// [`RequestError::NotRequest`].
    pub fn from_value(value: Value) -> Result<Self, RequestError> {
        let wrong = RequestError::NotRequest;
        let Value::Object(mut fields) = value else { return Err(wrong("it is no object")) };
        let Some(Value::Array(using)) = fields.remove("using") else {
            return Err(wrong("\"using\" is not a list"));
        };
        let using = strings(using).ok_or(wrong("\"using\" holds something else than strings"))?;
        let Some(Value::Array(calls)) = fields.remove("methodCalls") else {
            return Err(wrong("\"methodCalls\" is not a list"));
        };
        let calls = calls.into_iter().map(invocation).collect::<Option<Vec<_>>>();
        let calls = calls.ok_or(wrong("a method call is not [name, arguments, id]"))?;
        let created_ids = match fields.remove("createdIds") {
            None => None,
            Some(Value::Object(ids)) => {
                let ids = ids.into_iter().map(|(key, id)| Some((key, string(id)?)));
                Some(
                    ids.collect::<Option<_>>()
                        .ok_or(wrong("\"createdIds\" holds something else than ids"))?,
                )
            }
            Some(_) => return Err(wrong("\"createdIds\" is not an object")),
        };
        Ok(Self { using, calls, created_ids })
    }
}

fn invocation(value: Value) -> Option<Invocation> {
    let Value::Array(elements) = value else { return None };
    let [name, arguments, id] = <[Value; 3]>::try_from(elements).ok()?;
    let Value::Object(arguments) = arguments else { return None };
    Some(Invocation { name: string(name)?, arguments, id: string(id)? })
}

fn strings(values: Vec<Value>) -> Option<Vec<String>> {
    values.into_iter().map(string).collect()
}

fn string(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
