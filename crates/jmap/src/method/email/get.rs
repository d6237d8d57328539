//! Email/get (RFC 8621 §4.2).

use std::collections::BTreeMap;

use bytes::Bytes;
use message::Structure;
use serde::Deserialize;
use store::{Access, Columns, Email, EmailSnapshot, MessageId, Store};

use super::property::{Depth, GET_DEFAULT, Shown};
use super::render::{self, Source, blob_of};
use crate::method::{Arguments, Context, Outcome, Shared as _, get, typed};
use crate::reply::MethodError;
use crate::wire::id;
use crate::wire::state::State;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EmailGetArguments {
    account_id: String,
    #[serde(default)]
    ids: Option<Vec<String>>,
}

/// Runs the method.
pub(crate) async fn run(mut arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let asked = Shown::take(&mut arguments)?;
    let arguments: EmailGetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let wanted = asked.wanted(GET_DEFAULT)?;
    // RFC 8620 §5.1: all of a type that may be many are too many.
    let ids = get::wanted(arguments.ids.ok_or(MethodError::RequestTooLarge)?, context)?;
    let (store, access) = (&context.server.store, context.access);
    let known: Vec<MessageId> = ids.iter().filter_map(|id| id::email(id)).collect();
    let columns = Columns { envelope: true, structure: wanted.needs_structure(), summary: true };
    let EmailSnapshot { states, keywords, emails } = store.email_snapshot(access, known, columns).await?;
    let emails: BTreeMap<MessageId, Email> = emails.into_iter().map(|email| (email.id, email)).collect();
    let (mut list, mut not_found) = (Vec::with_capacity(emails.len()), Vec::new());
    let mut budget = VALUES_BYTES_MAX;
    for text in ids {
        let Some(email) = id::email(&text).and_then(|id| emails.get(&id)) else {
            not_found.push(text);
            continue;
        };
        let Some(raw) = content((store, access), email, wanted.depth()).await? else {
            not_found.push(text);
            continue;
        };
        let source = Source {
            email: Some((email, &keywords)),
            blob: blob_of(email),
            size: usize::try_from(email.size).unwrap_or(usize::MAX),
            envelope: &email.envelope,
            structure: &email.structure,
            summary: &email.summary,
            raw: &raw,
        };
        list.push(render::object(&source, &wanted, &mut budget)?);
    }
    let state = State::at(states.epoch, states.email).to_string();
    Ok(get::response(&arguments.account_id, state, list, not_found))
}

/// As much of the message as is needed; `None` if it has gone meanwhile.
pub(crate) async fn content(
    (store, access): (&Store, &Access),
    email: &Email,
    depth: Depth,
) -> Result<Option<Bytes>, MethodError> {
    let read = match depth {
        Depth::Columns => Ok(Bytes::new()),
        Depth::Whole => store.raw(access, email.id).await,
        Depth::Header => {
            let structure = Structure::decode(&email.structure).map_err(|_| MethodError::ServerFail)?;
            let end = u64::try_from(structure.root().part.header_range().end).unwrap_or(u64::MAX);
            store.open_raw(access, email.id, 0..end).await.map(|(_, bytes)| bytes)
        }
    };
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(store::Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Bytes of values of bodies in one response; those beyond are truncated, and say so.
pub(crate) const VALUES_BYTES_MAX: usize = 16 << 20;
