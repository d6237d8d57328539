//! SearchSnippet/get (RFC 8621 §5): where in emails the words stand that were looked for.
//!
//! What has to be there is shown, not what must not: conditions under NOT are passed over. Of the bodies the first part is shown
//! that has one of the words, as a reader sees it.

use std::collections::BTreeMap;

use message::{EnvelopeRef, Structure};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::{Columns, Email, MessageId};

use super::email::filter::{CONDITIONS, Condition, words};
use super::email::header;
use super::query::{Filter, Operator};
use super::{Arguments, Context, Outcome, get, typed};
use crate::reply::MethodError;
use crate::wire::id;
use highlight::Words;

mod highlight;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SnippetArguments {
    account_id: String,
    #[serde(default)]
    filter: Option<Value>,
    email_ids: Vec<String>,
}

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: SnippetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let filter = arguments.filter.filter(|filter| !filter.is_null());
    let filter = filter.map(|filter| Filter::parse(filter, &CONDITIONS)).transpose()?;
    let wanted = Wanted::of(filter.as_ref());
    let ids = get::wanted(arguments.email_ids, context)?;
    let (store, access) = (&context.server.store, context.access);
    let columns = Columns { envelope: true, structure: !wanted.body.is_empty(), summary: false };
    let known = ids.iter().filter_map(|id| id::email(id)).collect();
    let emails = store.emails(access, known, columns).await?;
    let emails: BTreeMap<MessageId, Email> = emails.into_iter().map(|email| (email.id, email)).collect();
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for text in ids {
        match id::email(&text).and_then(|id| emails.get(&id)) {
            None => not_found.push(text),
            Some(email) => {
                let subject = wanted.subject(email)?;
                let preview = wanted.preview(email, context).await?;
                list.push(json!({ "emailId": text, "subject": subject, "preview": preview }));
            }
        }
    }
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(arguments.account_id));
    response.insert("list".to_owned(), Value::Array(list));
    // RFC 8621 §5.1: null, if all were found.
    let not_found = if not_found.is_empty() { Value::Null } else { json!(not_found) };
    response.insert("notFound".to_owned(), not_found);
    Ok(response)
}

/// Words that are looked for, by where.
struct Wanted {
    subject: Words,
    body: Words,
}

impl Wanted {
    fn of(filter: Option<&Filter<Condition>>) -> Self {
        let (mut subject, mut body) = (Vec::new(), Vec::new());
        let mut waiting: Vec<&Filter<Condition>> = filter.into_iter().collect();
        while let Some(filter) = waiting.pop() {
            match filter {
                Filter::Operator(Operator::Not, _) => {}
                Filter::Operator(_, inner) => waiting.extend(inner),
                Filter::Condition(condition) => {
                    let texts = |own: &Option<String>| {
                        let both = condition.text.iter().chain(own);
                        both.flat_map(|text| words(text)).collect::<Vec<_>>()
                    };
                    subject.extend(texts(&condition.subject));
                    body.extend(texts(&condition.body));
                }
            }
        }
        Self { subject: Words::new(subject), body: Words::new(body) }
    }

    fn subject(&self, email: &Email) -> Result<Option<String>, MethodError> {
        let envelope = EnvelopeRef::decode(&email.envelope).map_err(|_| MethodError::ServerFail)?;
        Ok(envelope.subject.and_then(|subject| self.subject.marked(&header::text(subject))))
    }

    async fn preview(&self, email: &Email, context: &Context<'_>) -> Result<Option<String>, MethodError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let raw = match context.server.store.raw(context.access, email.id).await {
            Ok(raw) => raw,
            Err(store::Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (structure, wanted) = (email.structure.clone(), self.body.clone());
        let look = move || {
            let structure = Structure::decode(&structure).map_err(|_| MethodError::ServerFail)?;
            let lists = structure.body_lists();
            let parts = lists.text_body.iter().chain(&lists.html_body).map(|node| node.part);
            let mut texts = parts
                .filter(|part| part.is_media_type("text"))
                .map(|part| message::plain_text(part, &raw, TEXT_BYTES_MAX));
            Ok(texts.find_map(|text| wanted.excerpt(&text)))
        };
        // A body may be large; others' requests do not wait for it.
        tokio::task::spawn_blocking(look).await.map_err(|_| MethodError::ServerFail)?
    }
}

/// Of each body so many bytes are looked through, so that a thousand large ones do not take all the time.
const TEXT_BYTES_MAX: usize = 1 << 20;
