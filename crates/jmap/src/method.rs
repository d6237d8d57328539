//! Methods, one file each, and what is the same for all: dispatch, arguments, the account.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use store::Access;

use crate::limits::Limits;
use crate::reply::{MethodError, Problem};
use crate::server::Inner;
use crate::session;
use crate::wire::blob::BlobId;
use crate::wire::id;
use crate::wire::reference::{self, ReferenceError};
use crate::wire::request::{Invocation, Request};
use answers::Question;

pub(crate) mod answers;
pub(crate) mod blob;
mod changes;
mod echo;
pub(crate) mod email;
mod get;
mod identity;
mod mailbox;
mod objects;
mod push_subscription;
pub(crate) mod query;
mod quota;
mod set;
mod snippet;
mod submission;
mod thread;
mod vacation;

/// Arguments of a call or a response.
pub(crate) type Arguments = Map<String, Value>;

/// What a method answers.
pub(crate) type Outcome = Result<Arguments, MethodError>;

/// What a method runs with.
pub(crate) struct Context<'c> {
    /// What all requests share.
    pub(crate) server: &'c Inner,
    /// Who asks.
    pub(crate) access: &'c Access,
    /// The capabilities that the request uses.
    pub(crate) using: BTreeSet<&'static str>,
    /// Ids of what this request has made, and the one before told, by the client's own.
    pub(crate) created_ids: BTreeMap<String, String>,
    /// What the method that runs has had another one do: its response comes after that method's own.
    pub(crate) implied: Vec<(&'static str, Outcome)>,
    /// What the request may still read and make of blobs.
    pub(crate) room: Room,
}

/// Octets of blobs that one request may have, over all of its calls: a small request can name large blobs many times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Read to look at, or made.
    handled: usize,
    /// Shown in the response.
    shown: usize,
}

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let upload = usize::try_from(limits.upload_bytes).unwrap_or(usize::MAX);
        Self { handled: upload.saturating_mul(HANDLED_UPLOADS), shown: SHOWN_BYTES_MAX }
    }

    /// Takes what is read or made.
    pub(crate) fn handle(&mut self, octets: usize) -> Result<(), MethodError> {
        self.handled = self.handled.checked_sub(octets).ok_or(MethodError::RequestTooLarge)?;
        Ok(())
    }

    /// Takes what is shown.
    pub(crate) fn show(&mut self, octets: usize) -> Result<(), MethodError> {
        self.shown = self.shown.checked_sub(octets).ok_or(MethodError::RequestTooLarge)?;
        Ok(())
    }
}

/// As many octets as so many of the largest uploads.
const HANDLED_UPLOADS: usize = 4;
const SHOWN_BYTES_MAX: usize = 16 << 20;

impl Context<'_> {
    /// Checks the argument `accountId`.
    // RFC 8620 §3.6.2: an account of somebody else is not found, whether or not there is one.
    pub(crate) fn check_account(&self, account: &str) -> Result<(), MethodError> {
        if id::account(account) == Some(self.access.owner()) {
            Ok(())
        } else {
            Err(MethodError::AccountNotFound)
        }
    }

    /// Why nothing can be copied from one account to another. RFC 8620 §5.4: `fromAccountNotFound`, or else the accounts are
    /// the same.
    pub(crate) fn no_copy(&self, from: &str, to: &str) -> MethodError {
        if self.check_account(from).is_err() {
            return MethodError::FromAccountNotFound;
        }
        let same = || MethodError::InvalidArguments("both accounts are the same".to_owned());
        self.check_account(to).err().unwrap_or_else(same)
    }

    /// The blob with an id, or with the creation id that the request gave it.
    pub(crate) fn blob(&self, text: &str) -> Option<BlobId> {
        BlobId::parse(self.resolved(text).as_deref().unwrap_or(text))
    }

    /// The id that a creation id with `#` before it stands for (RFC 8620 §5.3).
    pub(crate) fn resolved(&self, text: &str) -> Option<String> {
        self.created_ids.get(text.strip_prefix('#')?).cloned()
    }
}

/// Runs the calls of a request; their responses in order.
pub(crate) async fn run(request: Request, context: &mut Context<'_>) -> Result<Vec<Invocation>, Problem> {
    context.using = known(&request.using, context)?;
    if request.calls.len() > context.server.options.limits.calls {
        return Err(Problem::Limit("maxCallsInRequest"));
    }
    let mut responses: Vec<Invocation> = Vec::with_capacity(request.calls.len());
    for Invocation { name, arguments, id } in request.calls {
        let began = Instant::now();
        let method = METHODS
            .iter()
            .chain(SENDING_METHODS)
            .find(|method| method.0 == name && context.using.contains(method.1));
        let outcome = match method {
            None => Err(MethodError::UnknownMethod),
            Some((name, _)) => match resolved(arguments, &responses) {
                Ok(arguments) => remembered(name, arguments, context).await,
                Err(error) => Err(error),
            },
        };
        let method = method.map_or("unknown", |(name, _)| name);
        let result = outcome.as_ref().map_or_else(MethodError::name, |_| "ok");
        metrics::counter!("mailbell_jmap_methods_total", "method" => method, "outcome" => result)
            .increment(1);
        let (account, duration_us) = (context.access.owner().0, began.elapsed().as_micros());
        tracing::info!(account, method, outcome = result, duration_us, "jmap.method");
        responses.push(response(&name, outcome, id.clone()));
        for (name, outcome) in context.implied.drain(..) {
            responses.push(response(name, outcome, id.clone()));
        }
    }
    Ok(responses)
}

fn response(name: &str, outcome: Outcome, id: String) -> Invocation {
    match outcome {
        Ok(arguments) => Invocation { name: name.to_owned(), arguments, id },
        Err(error) => Invocation { name: "error".to_owned(), arguments: error.arguments(), id },
    }
}

/// RFC 8620 §3.3: each capability that is used has to be known.
fn known(using: &[String], context: &Context<'_>) -> Result<BTreeSet<&'static str>, Problem> {
    let sending: &[&str] = if context.server.options.sending.is_some() { &session::SENDING } else { &[] };
    let find = |name: &String| CAPABILITIES.iter().chain(sending).copied().find(|known| known == name);
    using.iter().map(|name| find(name).ok_or_else(|| Problem::UnknownCapability(name.clone()))).collect()
}

fn resolved(arguments: Arguments, responses: &[Invocation]) -> Outcome {
    reference::resolve(arguments, responses).map_err(|error| match error {
        ReferenceError::Both(_) => MethodError::InvalidArguments(error.to_string()),
        ReferenceError::Unresolved(_) => MethodError::InvalidResultReference(error.to_string()),
    })
}

/// Runs a method, or answers what it has answered before if nothing has changed since.
async fn remembered(method: &str, arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let (server, account) = (context.server, context.access.owner());
    // What the client calls things that it has made is not in the arguments.
    let question = match context.created_ids.is_empty() {
        true => Question::new(account, method, &arguments),
        false => None,
    };
    let Some(question) = question else { return call(method, arguments, context).await };
    let revision = server.store.revision(context.access).await?;
    if let Some(answer) = server.answers.find(&question, revision) {
        return Ok(answer);
    }
    let answer = call(method, arguments, context).await?;
    server.answers.keep(question, revision, &answer);
    Ok(answer)
}

async fn call(method: &str, arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    match method {
        "Core/echo" => Ok(echo::run(arguments)),
        "Mailbox/get" => mailbox::get::run(arguments, context).await,
        "Mailbox/changes" => mailbox::changes::run(arguments, context).await,
        "Mailbox/query" => mailbox::query::run(arguments, context).await,
        "Mailbox/queryChanges" => mailbox::query_changes::run(arguments, context).await,
        "Mailbox/set" => mailbox::set::run(arguments, context).await,
        "Thread/get" => thread::get::run(arguments, context).await,
        "Thread/changes" => thread::changes::run(arguments, context).await,
        "Email/get" => email::get::run(arguments, context).await,
        "Email/changes" => email::changes::run(arguments, context).await,
        "Email/query" => email::query::run(arguments, context).await,
        "Email/queryChanges" => email::query_changes::run(arguments, context).await,
        "Email/set" => email::set::run(arguments, context).await,
        "Email/import" => email::import::run(arguments, context).await,
        "Email/parse" => email::parse::run(arguments, context).await,
        "Email/copy" => email::copy::run(arguments, context),
        "SearchSnippet/get" => snippet::run(arguments, context).await,
        "Blob/copy" => blob::copy::run(arguments, context),
        "Blob/upload" => blob::upload::run(arguments, context).await,
        "Blob/get" => blob::get::run(arguments, context).await,
        "Blob/lookup" => blob::lookup::run(arguments, context).await,
        "Quota/get" => quota::get::run(arguments, context).await,
        "Quota/changes" => quota::changes::run(arguments, context).await,
        "Quota/query" => quota::query::run(arguments, context).await,
        "Quota/queryChanges" => quota::query_changes::run(arguments, context).await,
        "PushSubscription/get" => push_subscription::get::run(arguments, context).await,
        "PushSubscription/set" => push_subscription::set::run(arguments, context).await,
        _ => call_to_send(method, arguments, context).await,
    }
}

async fn call_to_send(method: &str, arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    match method {
        "Identity/get" => identity::get::run(arguments, context).await,
        "Identity/changes" => identity::changes::run(arguments, context).await,
        "Identity/set" => identity::set::run(arguments, context).await,
        "EmailSubmission/get" => submission::get::run(arguments, context).await,
        "EmailSubmission/changes" => submission::changes::run(arguments, context).await,
        "EmailSubmission/query" => submission::query::run(arguments, context).await,
        "EmailSubmission/queryChanges" => submission::query_changes::run(arguments, context).await,
        "EmailSubmission/set" => submission::set::run(arguments, context).await,
        "VacationResponse/get" => vacation::get::run(arguments, context).await,
        "VacationResponse/set" => vacation::set::run(arguments, context).await,
        _ => Err(MethodError::UnknownMethod),
    }
}

/// Arguments in their type.
pub(crate) fn typed<T: DeserializeOwned>(arguments: Arguments) -> Result<T, MethodError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| MethodError::InvalidArguments(error.to_string()))
}

/// Checks that there are no other arguments than those that were taken.
///
/// # Errors
/// invalidArguments.
pub(crate) fn nothing_else(arguments: Arguments) -> Result<(), MethodError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    typed(arguments).map(|Nothing {}| ())
}

/// Arguments that several methods have in common.
pub(crate) trait Shared: DeserializeOwned {
    /// What they are called.
    const NAMES: &'static [&'static str];

    /// Takes them out of a method's arguments.
    ///
    /// # Errors
    /// invalidArguments.
    fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        typed(Self::NAMES.iter().filter_map(|name| arguments.remove_entry(*name)).collect())
    }
}

const CAPABILITIES: &[&str] = &[
    session::CORE,
    session::MAIL,
    session::WEBSOCKET,
    session::BLOB,
    session::QUOTA,
    session::VAPID,
    session::EMAIL_PUSH,
    session::OWN_CHANGES,
];

/// Methods, each with the capability that it belongs to.
const METHODS: &[(&str, &str)] = &[
    ("Core/echo", session::CORE),
    ("Mailbox/get", session::MAIL),
    ("Mailbox/changes", session::MAIL),
    ("Mailbox/query", session::MAIL),
    ("Mailbox/queryChanges", session::MAIL),
    ("Mailbox/set", session::MAIL),
    ("Thread/get", session::MAIL),
    ("Thread/changes", session::MAIL),
    ("Email/get", session::MAIL),
    ("Email/changes", session::MAIL),
    ("Email/query", session::MAIL),
    ("Email/queryChanges", session::MAIL),
    ("Email/set", session::MAIL),
    ("Email/import", session::MAIL),
    ("Email/parse", session::MAIL),
    ("Email/copy", session::MAIL),
    ("SearchSnippet/get", session::MAIL),
    ("Blob/copy", session::CORE),
    ("Blob/upload", session::BLOB),
    ("Blob/get", session::BLOB),
    ("Blob/lookup", session::BLOB),
    ("Quota/get", session::QUOTA),
    ("Quota/changes", session::QUOTA),
    ("Quota/query", session::QUOTA),
    ("Quota/queryChanges", session::QUOTA),
    ("PushSubscription/get", session::CORE),
    ("PushSubscription/set", session::CORE),
];
/// Methods of what is there only if mail can be sent.
const SENDING_METHODS: &[(&str, &str)] = &[
    ("Identity/get", session::SUBMISSION),
    ("Identity/changes", session::SUBMISSION),
    ("Identity/set", session::SUBMISSION),
    ("EmailSubmission/get", session::SUBMISSION),
    ("EmailSubmission/changes", session::SUBMISSION),
    ("EmailSubmission/query", session::SUBMISSION),
    ("EmailSubmission/queryChanges", session::SUBMISSION),
    ("EmailSubmission/set", session::SUBMISSION),
    ("VacationResponse/get", session::VACATION),
    ("VacationResponse/set", session::VACATION),
];
