//! Email/parse (RFC 8621 §4.9): messages in blobs, shown as emails that they are not.

use bytes::Bytes;
use message::Parsed;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::get::VALUES_BYTES_MAX;
use super::property::{PARSE_DEFAULT, Shown, Wanted};
use super::render::{self, Source};
use crate::http::blob;
use crate::method::{Arguments, Context, Outcome, Shared as _, typed};
use crate::reply::MethodError;
use crate::wire::blob::BlobId;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ParseArguments {
    account_id: String,
    blob_ids: Vec<String>,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let asked = Shown::take(&mut arguments)?;
    let arguments: ParseArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    if arguments.blob_ids.len() > BLOBS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    let wanted = asked.wanted(PARSE_DEFAULT)?;
    let (mut parsed, mut not_parsable, mut not_found) = (Map::new(), Vec::new(), Vec::new());
    let mut budget = VALUES_BYTES_MAX;
    for text in arguments.blob_ids {
        let Some(blob) = BlobId::parse(&text) else {
            not_found.push(text);
            continue;
        };
        let Some(bytes) = blob::read(context.server, context.access, &blob).await? else {
            not_found.push(text);
            continue;
        };
        match shown(&bytes, blob, &wanted, &mut budget)? {
            Some(email) => {
                parsed.insert(text, email);
            }
            None => not_parsable.push(text),
        }
    }
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(arguments.account_id));
    response.insert("parsed".to_owned(), some(Value::Object(parsed)));
    response.insert("notParsable".to_owned(), some(json!(not_parsable)));
    response.insert("notFound".to_owned(), some(json!(not_found)));
    Ok(response)
}

/// RFC 8621 §4.9: null where there is none.
fn some(value: Value) -> Value {
    let is_empty =
        value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    if is_empty { Value::Null } else { value }
}

/// `None` for what does not begin with a header field: that is no message.
fn shown(
    bytes: &Bytes,
    blob: BlobId,
    wanted: &Wanted,
    budget: &mut usize,
) -> Result<Option<Value>, MethodError> {
    let parsed = Parsed::parse(bytes);
    if parsed.structure.fields().is_empty() {
        return Ok(None);
    }
    let source = Source {
        email: None,
        blob,
        size: bytes.len(),
        envelope: &parsed.envelope.encode(),
        structure: &parsed.structure.encode(),
        summary: &parsed.summary.encode(),
        raw: bytes,
    };
    let mut email = render::object(&source, wanted, budget)?;
    // RFC 8621 §4.9: what is asked for and is unknown is null; an id that nobody asked for is left out.
    if let Some(fields) = email.as_object_mut()
        && !wanted.asks_for_id
    {
        fields.remove("id");
    }
    Ok(Some(email))
}

/// Blobs in one call; one more is requestTooLarge.
const BLOBS_MAX: usize = 100;
