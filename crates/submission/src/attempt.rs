//! One attempt to send one submission. Its head is the promise of `lib.rs`; the order of commit and final dot is here.

use store::{EnvelopeAddress, Fate, QueuedSubmission, RecipientOutcome, Store, SubmissionRecipient};
use tokio_util::sync::CancellationToken;

use crate::content::{Outgoing, outgoing};
use crate::smarthost::Smarthost;
use crate::smtp::connection::{Connection, Fault, Message, Offered};
use crate::smtp::reply::{Reply, Verdict};

/// What an attempt has come to.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The smarthost said something about each of these.
    Answered(Vec<RecipientOutcome>),
    /// It could not be spoken with; nothing has changed.
    Unreachable(Fault),
    /// The owner has stopped it.
    Canceled,
    /// We are stopping; nothing has changed.
    Stopped,
    /// The store can't be read or written.
    NoStore(store::Error),
}

/// Tries to send what is queued. Once its end is on the way it is not given up before there is an answer, or until it is clear that
/// none will come.
pub(crate) async fn run(
    store: &Store,
    smarthost: &Smarthost,
    (submission, stop): (&QueuedSubmission, &CancellationToken),
) -> Attempt {
    // Dropping this before its end drops the connection, and the server discards what it has.
    let offering = stop.run_until_cancelled(offer(store, smarthost, submission));
    let (connection, replies) = match offering.await {
        None => return Attempt::Stopped,
        Some(Err(attempt)) => return attempt,
        Some(Ok(offered)) => offered,
    };
    let said: Vec<RecipientOutcome> = submission
        .recipients
        .iter()
        .zip(&replies)
        .map(|(recipient, reply)| after_rcpt(recipient, reply))
        .collect();
    if !said.iter().any(|outcome| outcome.fate == Fate::InDoubt) {
        connection.quit().await;
        return Attempt::Answered(said);
    }
    match store.commit_submission(submission.id, said.clone()).await {
        Ok(true) => {}
        Ok(false) => return Attempt::Canceled,
        Err(error) => return Attempt::NoStore(error),
    }
    Attempt::Answered(finish(connection, said).await)
}

/// Sends the end, and turns doubt into what the answer says.
async fn finish(mut connection: Connection, mut said: Vec<RecipientOutcome>) -> Vec<RecipientOutcome> {
    let answer = connection.finish().await;
    let (fate, reply) = match &answer {
        Ok(reply) => match reply.verdict() {
            // RFC 8621 §7: the reply to RCPT is the one that is kept then.
            Verdict::Yes => (Fate::Relayed, None),
            Verdict::Later => (Fate::Queued, Some(reply.shown())),
            Verdict::No => (Fate::Failed, Some(reply.shown())),
        },
        Err(Fault::Refused { reply, .. }) => (Fate::Queued, Some(reply.shown())),
        Err(error) => {
            tracing::warn!(%error, "the smarthost did not answer the end of a message: it is not sent again");
            (Fate::Relayed, Some(NO_ANSWER.to_owned()))
        }
    };
    for outcome in said.iter_mut().filter(|outcome| outcome.fate == Fate::InDoubt) {
        (outcome.fate, outcome.reply) = (fate, reply.clone());
    }
    if answer.is_ok() {
        connection.quit().await;
    }
    said
}

/// Everything up to the end of the message: a connection and its replies for each recipient.
async fn offer(
    store: &Store,
    smarthost: &Smarthost,
    submission: &QueuedSubmission,
) -> Result<(Connection, Vec<Reply>), Attempt> {
    let raw = store.submission_content(submission.id).await.map_err(Attempt::NoStore)?;
    let prepared = tokio::task::spawn_blocking(move || outgoing(&raw)).await;
    let prepared = prepared.map_err(|error| {
        Attempt::NoStore(store::Error::Bug(format!("preparing a message ended early: {error}")))
    })?;
    let recipients: Vec<&EnvelopeAddress> =
        submission.recipients.iter().map(|recipient| &recipient.address).collect();
    let mut connection = Connection::open(smarthost).await.map_err(Attempt::Unreachable)?;
    let mut needs = prepared.needs;
    let all = recipients.iter().copied().chain([&submission.mail_from]);
    needs.utf8 |= all.into_iter().any(|address| !address.email.is_ascii());
    if let Some(why) = unfit(&connection, &Outgoing { needs, octets: Vec::new() }) {
        connection.quit().await;
        return Err(Attempt::Answered(for_all(submission, Fate::Failed, why)));
    }
    let message = Message {
        mail_from: &submission.mail_from,
        recipients: &recipients,
        envelope_id: &submission.envelope_id,
        needs,
        content: &prepared.octets,
    };
    match connection.offer(&message).await {
        Ok(Offered::Recipients(replies)) => Ok((connection, replies)),
        Ok(Offered::Refused(reply)) => {
            connection.quit().await;
            let fate = match reply.verdict() {
                Verdict::No if !is_about_us(&reply) => Fate::Failed,
                _ => Fate::Queued,
            };
            Err(Attempt::Answered(for_all(submission, fate, &reply.shown())))
        }
        Err(Fault::Refused { reply, .. }) => {
            Err(Attempt::Answered(for_all(submission, Fate::Queued, &reply.shown())))
        }
        Err(fault) => Err(Attempt::Unreachable(fault)),
    }
}

/// Why this server can't take such a message; a reply as it would give it (RFC 6531 §3.5, RFC 6152 §3, RFC 1870 §6.2).
fn unfit(connection: &Connection, message: &Outgoing) -> Option<&'static str> {
    let (needs, extensions) = (message.needs, connection.extensions());
    if needs.utf8 && !extensions.smtputf8 {
        return Some("553 5.6.7 The smarthost does not take addresses or header fields outside of ASCII");
    }
    if needs.eight_bit && !extensions.eight_bit_mime {
        return Some("554 5.6.3 The smarthost takes 7-bit messages only");
    }
    if extensions.size.is_some_and(|max| max > 0 && needs.size > max) {
        return Some("552 5.3.4 The message is larger than the smarthost takes");
    }
    None
}

/// RFC 4954 §6: the configuration is wrong, not the message.
fn is_about_us(reply: &Reply) -> bool {
    matches!(reply.code, 530 | 534 | 535 | 538)
}

fn after_rcpt(recipient: &SubmissionRecipient, reply: &Reply) -> RecipientOutcome {
    let fate = match reply.verdict() {
        Verdict::Yes => Fate::InDoubt,
        Verdict::Later => Fate::Queued,
        Verdict::No => Fate::Failed,
    };
    RecipientOutcome { position: recipient.position, fate, reply: Some(reply.shown()) }
}

/// The same for all recipients that are left.
pub(crate) fn for_all(submission: &QueuedSubmission, fate: Fate, reply: &str) -> Vec<RecipientOutcome> {
    let outcome = |recipient: &SubmissionRecipient| RecipientOutcome {
        position: recipient.position,
        fate,
        reply: Some(reply.to_owned()),
    };
    submission.recipients.iter().map(outcome).collect()
}

/// What a recipient's reply is when no answer came.
pub(crate) const NO_ANSWER: &str =
    "451 4.4.2 The smarthost's answer did not come; it may have the message, which is not sent again";
