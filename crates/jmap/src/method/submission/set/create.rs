//! Creation of a submission: checks who sends what to whom, and queues it.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use store::{EnvelopeAddress, Identity, MessageId, NewSubmission, Submission, UnixTime};

use super::envelope::{self, Given};
use super::written::Written;
use crate::http::blob;
use crate::method::email::import::now;
use crate::method::submission::{PROPERTIES, object};
use crate::method::{Context, identity};
use crate::reply::{MethodError, SetError};
use crate::server::Sending;
use crate::wire::blob::{BlobId, Whole};
use crate::wire::{address, id};

/// Queues an email; what was made, and what of it the client did not say.
pub(crate) async fn run(
    mut given: Map<String, Value>,
    context: &Context<'_>,
) -> Result<(Submission, Value), SetError> {
    let sending = context.server.options.sending.as_ref();
    let sending = sending.ok_or_else(|| SetError::new("forbiddenToSend", "nothing is sent here"))?;
    let identity = chosen_identity(&mut given, context).await?;
    let (email, raw) = chosen_email(&mut given, context).await?;
    let envelope = given.remove("envelope").filter(|envelope| !envelope.is_null());
    if let Some(name) = given.keys().next() {
        return Err(SetError::property(name));
    }
    let size_max = sending.message_bytes;
    if u64::try_from(raw.len()).unwrap_or(u64::MAX) > size_max {
        let why = SetError::new("tooLarge", "the message is larger than what is sent here");
        return Err(why.with("maxSize", json!(size_max)));
    }
    let written = Written::read(&raw)?;
    let own = identity::own_addresses(context).await.map_err(unavailable)?;
    let is_own = |email: &str| own.iter().any(|own| address::are_same(own, email));
    if !written.from.iter().all(|from| is_own(from)) {
        return Err(SetError::new("forbiddenFrom", "From has an address that is not the account's"));
    }
    let is_given = envelope.is_some();
    let now = now();
    let mail = match envelope {
        Some(envelope) => envelope::given(envelope, (sending, now))?,
        None => derived(&written, &identity, now),
    };
    let email_from = &mail.mail_from.email;
    if !email_from.is_empty() && !is_own(email_from) {
        return Err(SetError::new("forbiddenMailFrom", "mailFrom is not an address of the account"));
    }
    check_recipients(&mail.recipients, sending)?;
    let new = NewSubmission {
        identity: identity.id,
        email,
        header_message_id: written.message_id,
        mail_from: mail.mail_from,
        recipients: mail.recipients,
        send_at: mail.send_at,
        envelope_id: uuid::Uuid::new_v4().simple().to_string(),
        waiting_max: sending.waiting,
    };
    let submission = context.server.store.create_submission(context.access, new).await?;
    let left_out: &[&str] =
        if is_given { &["identityId", "emailId", "envelope"] } else { &["identityId", "emailId"] };
    let told: BTreeSet<&'static str> =
        PROPERTIES.into_iter().filter(|property| !left_out.contains(property)).collect();
    let object = object(&submission, &told);
    Ok((submission, object))
}

async fn chosen_identity(
    given: &mut Map<String, Value>,
    context: &Context<'_>,
) -> Result<Identity, SetError> {
    let wrong = || SetError::property("identityId");
    let key = text(given, "identityId")?;
    let resolved = context.resolved(&key);
    let id = id::identity(resolved.as_deref().unwrap_or(&key)).ok_or_else(wrong)?;
    let all = identity::all(context).await.map_err(unavailable)?;
    all.into_iter().find(|identity| identity.id == id).ok_or_else(wrong)
}

async fn chosen_email(
    given: &mut Map<String, Value>,
    context: &Context<'_>,
) -> Result<(MessageId, Bytes), SetError> {
    let wrong = || SetError::property("emailId");
    let key = text(given, "emailId")?;
    let resolved = context.resolved(&key);
    let email = id::email(resolved.as_deref().unwrap_or(&key)).ok_or_else(wrong)?;
    let blob = BlobId { whole: Whole::Message(email), part: None };
    let read = blob::read(context.server, context.access, &blob).await.map_err(unavailable)?;
    Ok((email, read.ok_or_else(wrong)?))
}

fn text(given: &mut Map<String, Value>, name: &str) -> Result<String, SetError> {
    match given.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(SetError::property(name)),
    }
}

// RFC 8621 §7: the address of Sender, or else of From, if the identity allows it; else the identity's. To, Cc and Bcc, each once.
fn derived(written: &Written, identity: &Identity, now: UnixTime) -> Given {
    let from = written.sender.first().or_else(|| written.from.first());
    let email = from.filter(|from| address::are_same(from, &identity.email)).unwrap_or(&identity.email);
    let plain = |email: &String| EnvelopeAddress { email: email.clone(), parameters: None };
    let mut recipients: Vec<EnvelopeAddress> = Vec::new();
    for recipient in &written.recipients {
        if !recipients.iter().any(|known| address::are_same(&known.email, recipient)) {
            recipients.push(plain(recipient));
        }
    }
    Given { mail_from: plain(email), recipients, send_at: now }
}

fn check_recipients(recipients: &[EnvelopeAddress], sending: &Sending) -> Result<(), SetError> {
    if recipients.is_empty() {
        return Err(SetError::new("noRecipients", "there is nobody to send it to"));
    }
    let max = sending.recipients;
    if recipients.len() > max {
        let why = SetError::new("tooManyRecipients", "more recipients than are allowed here");
        return Err(why.with("maxRecipients", json!(max)));
    }
    let invalid: Vec<&str> =
        recipients.iter().map(|one| one.email.as_str()).filter(|email| !address::is_mailbox(email)).collect();
    if invalid.is_empty() {
        return Ok(());
    }
    let why = SetError::new("invalidRecipients", "these can't be sent to");
    Err(why.with("invalidRecipients", json!(invalid)))
}

fn unavailable(error: MethodError) -> SetError {
    match error {
        MethodError::ServerUnavailable => SetError::new("serverUnavailable", "try again later"),
        _ => SetError::new("serverFail", "the server failed"),
    }
}
