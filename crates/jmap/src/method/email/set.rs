//! Email/set (RFC 8621 §4.6): keywords, mailboxes, destruction; creation is in `create`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use store::{EmailEdit, Expected, FlagChange, Flags, MailboxId, MailboxesEdit, MessageId};

use super::render::SYSTEM_KEYWORDS;
use crate::method::set::{Outcomes, SetArguments, SetPatch};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::{MethodError, SetError};
use crate::wire::id;
use crate::wire::state::State;

pub(crate) mod create;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: SetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    if arguments.on_destroy_remove_emails.is_some() {
        return Err(MethodError::InvalidArguments("onDestroyRemoveEmails is Mailbox/set's".to_owned()));
    }
    let old = state(context).await?;
    arguments.check(context, &old)?;
    let mut guard = Guard::new(arguments.if_in_state.as_deref());
    let mut outcomes = Outcomes::default();
    for (key, object) in arguments.create.unwrap_or_default() {
        let outcome = create::run(object, context, guard.expected).await;
        guard.pass(&outcome)?;
        outcomes.create(context, key, outcome);
    }
    let destroyed: Vec<String> = arguments.destroy.unwrap_or_default();
    update((arguments.update.unwrap_or_default(), &destroyed), &mut guard, context, &mut outcomes).await?;
    destroy(destroyed, &mut guard, context, &mut outcomes).await?;
    Ok(outcomes.response(&arguments.account_id, old, state(context).await?))
}

pub(super) async fn state(context: &Context<'_>) -> Result<String, MethodError> {
    let states = context.server.store.type_states(context.access).await?;
    Ok(State::at(states.epoch, states.email).to_string())
}

/// RFC 8620 §5.3: `ifInState` is compared in the transaction of the first change. What is changed after that has to be as it
/// was in that state, too.
pub(super) struct Guard {
    pub(super) expected: Expected,
}

impl Guard {
    pub(super) fn new(if_in_state: Option<&str>) -> Self {
        let state = if_in_state.and_then(State::parse);
        Self { expected: state.map_or(Expected::Anything, |state| Expected::State(state.modseq)) }
    }

    /// Something has been changed.
    fn advance(&mut self) {
        if let Expected::State(state) = self.expected {
            self.expected = Expected::Unchanged(state);
        }
    }

    /// Looks at what became of a change.
    ///
    /// # Errors
    /// stateMismatch if nothing has been changed before it.
    pub(super) fn pass<T>(&mut self, outcome: &Result<T, SetError>) -> Result<(), MethodError> {
        match (outcome, self.expected) {
            (Ok(_), _) => self.advance(),
            (Err(error), Expected::State(_)) if *error == SetError::changed() => {
                return Err(MethodError::StateMismatch);
            }
            (Err(_), _) => {}
        }
        Ok(())
    }
}

async fn update(
    (patches, destroyed): (BTreeMap<String, Map<String, Value>>, &[String]),
    guard: &mut Guard,
    context: &Context<'_>,
    outcomes: &mut Outcomes,
) -> Result<(), MethodError> {
    let mut edits: Vec<(String, MessageId, EmailEdit)> = Vec::new();
    for (key, patch) in patches {
        let resolved = context.resolved(&key).unwrap_or_else(|| key.clone());
        // RFC 8620 §5.3
        if destroyed.contains(&key) {
            outcomes.update(key, Err(SetError::new("willDestroy", "it is destroyed by the same call")));
            continue;
        }
        match (id::email(&resolved), edit(patch, context)) {
            (None, _) => outcomes.update(key, Err(SetError::not_found())),
            (_, Err(error)) => outcomes.update(key, Err(error)),
            (Some(email), Ok(edit)) => edits.push((key, email, edit)),
        }
    }
    let (keys, edits): (Vec<String>, Vec<_>) =
        edits.into_iter().map(|(key, email, edit)| (key, (email, edit))).unzip();
    let done = context.server.store.update_emails_if(context.access, edits, guard.expected).await;
    if done.iter().any(Result::is_ok) {
        guard.advance();
    }
    for (key, done) in keys.into_iter().zip(done) {
        let done = done.map(|_| Value::Null).map_err(SetError::from);
        guard.pass(&done)?;
        outcomes.update(key, done);
    }
    Ok(())
}

fn edit(mut patch: Map<String, Value>, context: &Context<'_>) -> Result<EmailEdit, SetError> {
    let mut edit = EmailEdit::default();
    if let Some(keywords) = SetPatch::take(&mut patch, "keywords")? {
        edit.flags = Some(flag_change(&keywords)?);
    }
    if let Some(mailboxes) = SetPatch::take(&mut patch, "mailboxIds")? {
        let ids = |texts: Vec<String>| {
            texts.iter().map(|text| mailbox(text, context)).collect::<Result<Vec<_>, _>>()
        };
        edit.mailboxes = Some(match mailboxes.replace {
            Some(all) => MailboxesEdit::Replace(ids(all)?),
            None => MailboxesEdit::Patch { add: ids(mailboxes.add)?, remove: ids(mailboxes.remove)? },
        });
    }
    // RFC 8621 §4.6: everything else never changes.
    match patch.keys().next() {
        Some(name) => Err(SetError::property(name)),
        None => Ok(edit),
    }
}

/// A mailbox by its id, or by what the request calls one that it has made.
pub(crate) fn mailbox(text: &str, context: &Context<'_>) -> Result<MailboxId, SetError> {
    let resolved = context.resolved(text);
    id::mailbox(resolved.as_deref().unwrap_or(text)).ok_or_else(|| SetError::property("mailboxIds"))
}

/// Keywords as flags.
pub(crate) fn flag_change(patch: &SetPatch) -> Result<FlagChange, SetError> {
    let mut change = FlagChange::default();
    for keyword in patch.replace.iter().flatten().chain(&patch.add) {
        match system_flag(keyword)? {
            Some(flag) => change.add = change.add.union(flag),
            None => change.add_keywords.push(keyword.to_ascii_lowercase()),
        }
    }
    for keyword in &patch.remove {
        match system_flag(keyword)? {
            Some(flag) => change.remove = change.remove.union(flag),
            None => change.remove_keywords.push(keyword.to_ascii_lowercase()),
        }
    }
    if patch.replace.is_some() {
        change.remove = Flags(u128::MAX);
    }
    Ok(change)
}

/// The system flag of a keyword; `None` for one of the user's own.
fn system_flag(keyword: &str) -> Result<Option<Flags>, SetError> {
    // RFC 8621 §4.1.1: 1 to 255 characters of %x21-%x7e without `( ) { ] % * " \`; the store takes 100.
    let is_right = |byte: u8| byte.is_ascii_graphic() && !b"(){]%*\"\\".contains(&byte);
    if keyword.is_empty() || keyword.len() > KEYWORD_BYTES_MAX || !keyword.bytes().all(is_right) {
        return Err(SetError::property("keywords"));
    }
    let known = SYSTEM_KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword));
    Ok(known.map(|(_, flag)| *flag))
}

async fn destroy(
    texts: Vec<String>,
    guard: &mut Guard,
    context: &Context<'_>,
    outcomes: &mut Outcomes,
) -> Result<(), MethodError> {
    let (mut keys, mut ids) = (Vec::new(), Vec::new());
    for text in texts {
        let resolved = context.resolved(&text).unwrap_or_else(|| text.clone());
        match id::email(&resolved) {
            Some(email) => {
                keys.push(resolved);
                ids.push(email);
            }
            None => outcomes.destroy(text, Err(SetError::not_found())),
        }
    }
    let done = context.server.store.destroy_emails_if(context.access, ids, guard.expected).await;
    if done.iter().any(Result::is_ok) {
        guard.advance();
    }
    for (key, done) in keys.into_iter().zip(done) {
        let done = done.map(|_| ()).map_err(SetError::from);
        guard.pass(&done)?;
        outcomes.destroy(key, done);
    }
    Ok(())
}

/// What the server set of a new email.
pub(crate) fn created(placed: &store::Placed, size: usize) -> Value {
    json!({
        "id": id::of_email(placed.message),
        "blobId": format!("B{}", placed.message),
        "threadId": id::of_thread(placed.thread),
        "size": size,
    })
}

const KEYWORD_BYTES_MAX: usize = 100;
