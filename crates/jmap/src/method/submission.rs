//! Submissions (RFC 8621 §7): emails that are sent, and what became of them.
//!
//! Here: who may send what, to whom and when, and what is shown. The queue is the store's; `submission` (the crate) empties it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use store::{EnvelopeAddress, Fate, ObjectKind, Submission, SubmissionRecipient, Undo};

use super::objects::Type;
use crate::wire::blob::{BlobId, Whole};
use crate::wire::{date, id};

pub(crate) mod changes;
pub(crate) mod get;
pub(crate) mod query;
pub(crate) mod query_changes;
pub(crate) mod set;

/// The wanted properties of a submission.
fn object(submission: &Submission, wanted: &BTreeSet<&'static str>) -> Value {
    let mut object = Map::new();
    for property in wanted {
        let value = match *property {
            "id" => json!(id::of_submission(submission.id)),
            "identityId" => json!(id::of_identity(submission.identity)),
            "emailId" => json!(id::of_email(submission.email)),
            "threadId" => json!(id::of_thread(submission.thread)),
            "envelope" => envelope(submission),
            "sendAt" => json!(date::utc(submission.send_at.0)),
            "undoStatus" => json!(undo_status(submission.undo)),
            "deliveryStatus" => delivery_status(&submission.recipients),
            "dsnBlobIds" => blobs(&submission.dsn),
            "mdnBlobIds" => blobs(&submission.mdn),
            _ => continue,
        };
        object.insert((*property).to_owned(), value);
    }
    Value::Object(object)
}

fn envelope(submission: &Submission) -> Value {
    let address = |address: &EnvelopeAddress| {
        let parameters = address.parameters.as_ref().map(|pairs| {
            pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<String, Value>>()
        });
        json!({ "email": address.email, "parameters": parameters })
    };
    let recipients: Vec<Value> =
        submission.recipients.iter().map(|recipient| address(&recipient.address)).collect();
    json!({ "mailFrom": address(&submission.mail_from), "rcptTo": recipients })
}

fn delivery_status(recipients: &[SubmissionRecipient]) -> Value {
    let status = |recipient: &SubmissionRecipient| {
        let delivered = match recipient.fate {
            Fate::Queued | Fate::InDoubt => "queued",
            Fate::Relayed => "unknown",
            Fate::Delivered => "yes",
            Fate::Failed => "no",
        };
        let displayed = if recipient.is_displayed { "yes" } else { "unknown" };
        json!({ "smtpReply": recipient.reply, "delivered": delivered, "displayed": displayed })
    };
    recipients.iter().map(|one| (one.address.email.clone(), status(one))).collect::<Map<_, _>>().into()
}

fn blobs(reports: &[store::MessageId]) -> Value {
    let blob = |report: &store::MessageId| BlobId { whole: Whole::Message(*report), part: None }.to_string();
    reports.iter().map(blob).collect::<Vec<_>>().into()
}

/// As `undoStatus` says it.
fn undo_status(undo: Undo) -> &'static str {
    match undo {
        Undo::Pending => "pending",
        Undo::Final => "final",
        Undo::Canceled => "canceled",
    }
}

/// Its type, for changes.
pub(crate) const TYPE: Type =
    Type { kind: ObjectKind::Submission, id: |number| id::of_submission(store::SubmissionId(number)) };

/// Every property (RFC 8621 §7).
const PROPERTIES: [&str; 10] = [
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
];
