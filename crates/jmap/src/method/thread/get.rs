//! Thread/get (RFC 8621 §3.1).

use serde_json::{Map, Value, json};

use crate::method::get::{self, GetArguments};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: GetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let wanted = get::properties(arguments.properties, &["id", "emailIds"])?;
    // RFC 8620 §5.1: all of a type that may be many are too many.
    let ids = get::wanted(arguments.ids.ok_or(MethodError::RequestTooLarge)?, context)?;
    let states = context.server.store.type_states(context.access).await?;
    let known: Vec<_> = ids.iter().filter_map(|id| id::thread(id)).collect();
    let threads = context.server.store.threads(context.access, known.clone()).await?;
    let mut threads = known.into_iter().zip(threads).peekable();
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for text in ids {
        let thread = id::thread(&text).and_then(|id| threads.next_if(|(next, _)| *next == id));
        match thread {
            Some((thread, emails)) if !emails.is_empty() => {
                let mut object = Map::new();
                object.insert("id".to_owned(), json!(id::of_thread(thread)));
                if wanted.contains("emailIds") {
                    let emails: Vec<String> = emails.into_iter().map(id::of_email).collect();
                    object.insert("emailIds".to_owned(), json!(emails));
                }
                list.push(Value::Object(object));
            }
            _ => not_found.push(text),
        }
    }
    let state = State::at(states.epoch, states.thread).to_string();
    Ok(get::response(&arguments.account_id, state, list, not_found))
}
