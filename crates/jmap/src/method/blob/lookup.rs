//! Blob/lookup (RFC 9404 §4.3): which objects hold a blob.
//!
//! A message, and each part of it, is held by its email, the email's thread and its mailboxes. What was uploaded is held by
//! nothing: what is made of it has a blob of its own.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{Columns, Email};

use super::LOOKUP_TYPES;
use crate::method::{Arguments, Context, Outcome, get, typed};
use crate::reply::MethodError;
use crate::session;
use crate::wire::blob::{BlobId, Whole};
use crate::wire::id;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LookupArguments {
    account_id: String,
    type_names: Vec<String>,
    ids: Vec<String>,
}

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: LookupArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let is_known = |name: &String| LOOKUP_TYPES.contains(&name.as_str());
    // RFC 9404 §4.3: also for a type whose capability is not used.
    if !arguments.type_names.iter().all(is_known) || !context.using.contains(session::MAIL) {
        return Err(MethodError::UnknownDataType);
    }
    let ids = get::wanted(arguments.ids, context)?;
    let message = |text: &String| match BlobId::parse(text)?.whole {
        Whole::Message(message) => Some(message),
        Whole::Upload(_) => None,
    };
    let columns = Columns { envelope: false, structure: false, summary: false };
    let messages = ids.iter().filter_map(message).collect();
    let emails = context.server.store.emails(context.access, messages, columns).await?;
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for text in ids {
        if BlobId::parse(&text).is_none() {
            not_found.push(text);
            continue;
        }
        let email = message(&text).and_then(|message| emails.iter().find(|email| email.id == message));
        // RFC 9404 §4.3: what is somebody else's is answered as what is nowhere, with no ids.
        let matched = arguments.type_names.iter().map(|name| (name.clone(), json!(holders(name, email))));
        list.push(json!({ "id": text, "matchedIds": matched.collect::<Map<String, Value>>() }));
    }
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(arguments.account_id));
    response.insert("list".to_owned(), Value::Array(list));
    response.insert("notFound".to_owned(), json!(not_found));
    Ok(response)
}

fn holders(name: &str, email: Option<&Email>) -> Vec<String> {
    let Some(email) = email else { return Vec::new() };
    match name {
        "Mailbox" => email.mailboxes.iter().map(|mailbox| id::of_mailbox(*mailbox)).collect(),
        "Thread" => vec![id::of_thread(email.thread)],
        _ => vec![id::of_email(email.id)],
    }
}
