//! Identities, submissions and replies while away (RFC 8621 §6 to §8), and the queue that submissions wait in.

use crate::{AccountId, IdentityId, MessageId, ModSeq, SubmissionId, ThreadId, UnixTime};

/// An address with the name of who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAddress {
    /// The name.
    pub name: Option<String>,
    /// The address.
    pub email: String,
}

/// What an identity says; all of it can be changed but the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityText {
    /// The sender's name.
    pub name: String,
    /// Where replies go.
    pub reply_to: Option<Vec<NamedAddress>>,
    /// Who gets a blind copy.
    pub bcc: Option<Vec<NamedAddress>>,
    /// What ends a plain text.
    pub text_signature: String,
    /// What ends HTML.
    pub html_signature: String,
}

/// An identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its id, unique in the store.
    pub id: IdentityId,
    /// The address that it sends from.
    pub email: String,
    /// What it says.
    pub text: IdentityText,
    /// Made for an address that the account has: stays as long as that.
    pub is_own: bool,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectChange {
    /// Its number.
    pub id: u64,
    /// Its last change, or when it went.
    pub modseq: ModSeq,
    /// When it was made.
    pub created: ModSeq,
    /// Whether it is there now.
    pub is_there: bool,
}

/// Types of objects whose changes are asked for one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// Identities.
    Identity,
    /// Submissions.
    Submission,
}

/// Parameters of MAIL or RCPT, by name; one without a value is `None`.
pub type SmtpParameters = Vec<(String, Option<String>)>;

/// An address of an SMTP envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeAddress {
    /// `Mailbox`; empty for the null reverse-path.
    pub email: String,
    /// As they were given; `None` if nothing was said.
    pub parameters: Option<SmtpParameters>,
}

/// Whether a submission can still be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// It can.
    Pending,
    /// It can't: somebody may have it, or nobody will.
    Final,
    /// It was.
    Canceled,
}

/// What became of a message for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It waits here.
    Queued,
    /// All of it is, or is about to be, with the smarthost, whose answer is not here yet.
    InDoubt,
    /// The smarthost has it, or may have it; more is not known.
    Relayed,
    /// It has been delivered.
    Delivered,
    /// It will not be delivered.
    Failed,
}

/// A recipient of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionRecipient {
    /// Its place in the envelope, from 0.
    pub position: u32,
    /// To whom.
    pub address: EnvelopeAddress,
    /// What became of it.
    pub fate: Fate,
    /// The last SMTP reply, on one line.
    pub reply: String,
    /// Whether a disposition notification says that it was shown.
    pub is_displayed: bool,
}

/// A submission as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Its id, unique in the store.
    pub id: SubmissionId,
    /// Whom it is from.
    pub identity: IdentityId,
    /// The email that was sent; it may be gone.
    pub email: MessageId,
    /// That email's thread.
    pub thread: ThreadId,
    /// The reverse-path.
    pub mail_from: EnvelopeAddress,
    /// In order.
    pub recipients: Vec<SubmissionRecipient>,
    /// When it is, or was, released.
    pub send_at: UnixTime,
    /// Whether it can be stopped.
    pub undo: Undo,
    /// Delivery reports that have come, in order.
    pub dsn: Vec<MessageId>,
    /// Disposition notifications that have come, in order.
    pub mdn: Vec<MessageId>,
}

/// A submission to make.
#[derive(Clone, Debug)]
pub struct NewSubmission {
    /// Whom it is from.
    pub identity: IdentityId,
    /// The email to send. Its content is kept for as long as it is needed, whatever becomes of the email.
    pub email: MessageId,
    /// Its Message-ID without brackets, by which reports may name it; empty if it has none.
    pub header_message_id: String,
    /// The reverse-path.
    pub mail_from: EnvelopeAddress,
    /// To whom; not empty.
    pub recipients: Vec<EnvelopeAddress>,
    /// When to send it.
    pub send_at: UnixTime,
    /// By which delivery reports name it; unguessable.
    pub envelope_id: String,
    /// Submissions of the account that may be waiting, this one included; with more it is refused with Limit.
    pub waiting_max: usize,
}

/// A submission as the one who sends it needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedSubmission {
    /// Its id.
    pub id: SubmissionId,
    /// Whose it is.
    pub account: AccountId,
    /// The reverse-path.
    pub mail_from: EnvelopeAddress,
    /// Those that are still queued.
    pub recipients: Vec<SubmissionRecipient>,
    /// When it was released.
    pub send_at: UnixTime,
    /// By which delivery reports name it.
    pub envelope_id: String,
    /// Octets of its content.
    pub size: u64,
    /// Attempts that did not end it.
    pub attempts: u32,
}

/// What an attempt means for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientOutcome {
    /// Which, by its place in the envelope.
    pub position: u32,
    /// What becomes of it.
    pub fate: Fate,
    /// The SMTP reply on one line; `None` leaves the one before.
    pub reply: Option<String>,
}

/// The reply to whoever writes while the owner is away (RFC 8621 §8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vacation {
    /// Whether it is sent at all.
    pub is_enabled: bool,
    /// From when on.
    pub from: Option<UnixTime>,
    /// Until when; not at that time any more.
    pub to: Option<UnixTime>,
    /// Its subject; `None` has one made from the message's.
    pub subject: Option<String>,
    /// Its text.
    pub text_body: Option<String>,
    /// Its text as HTML.
    pub html_body: Option<String>,
}

impl Vacation {
    /// Whether a message that comes now is replied to.
    #[must_use]
    pub fn is_on(&self, now: UnixTime) -> bool {
        self.is_enabled && self.from.is_none_or(|from| from <= now) && self.to.is_none_or(|to| now < to)
    }
}

/// A reply to queue.
#[derive(Clone, Debug)]
pub struct VacationReply {
    /// Who gets it: the reverse-path of the message that it replies to.
    pub to: String,
    /// The reply, ready to be sent.
    pub content: bytes::Bytes,
    /// Nobody who had one after this time gets another.
    pub unless_after: UnixTime,
}

/// What a report says of a submission (RFC 3464, RFC 8098).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The email that it came as.
    pub email: MessageId,
    /// `Original-Envelope-Id`
    pub envelope_id: Option<String>,
    /// The Message-ID of what it is about, without brackets.
    pub message_id: Option<String>,
    /// Which kind, and what it says.
    pub said: Said,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// RFC 3464: for each recipient, as it was given in the envelope, its fate if that is said, and what the server there said.
    Delivery(Vec<(String, Option<Fate>, Option<String>)>),
    /// RFC 8098: shown to this recipient.
    Displayed(String),
    /// RFC 8098: something else than that it was shown.
    Disposed,
}
