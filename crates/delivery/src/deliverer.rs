//! The pipeline: prepare, parse, place, store.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::{
    AccountId, Cause, Delivered, Delivery, Flags, MailboxName, NewMessage, Raw, SpecialUse, Store, Target,
    UnixTime,
};

use crate::follow::Arrived;
use crate::known::Known;
use crate::prepare::{Prepared, Spam, prepare};
use crate::{Error, Incoming, Recipient};

/// Resolves addresses and delivers messages. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Deliverer {
    pub(crate) store: Store,
    pub(crate) options: Arc<Options>,
    pub(crate) known: Arc<Known>,
}

/// How a [`Deliverer`] works.
#[derive(Clone, Debug)]
pub struct Options {
    /// This host's name: the domain of bare account names.
    pub hostname: String,
    /// What stands between user and mailbox in a local part; `None` switches sub-addresses off.
    pub subaddress_separator: Option<char>,
    /// The account that takes what is addressed to nobody.
    pub catch_all: Option<String>,
    /// Header fields by which the filter in front marks spam: name, and the word that its value begins with.
    pub spam_headers: Vec<(String, String)>,
    /// Whether mail can be sent, so that replies go out while owners are away and reports are looked at.
    pub sends: bool,
}

impl Deliverer {
    /// A deliverer into a store.
    #[must_use]
    pub fn new(store: Store, options: Options) -> Self {
        Self { store, options: Arc::new(options), known: Arc::default() }
    }

    /// Delivers a message. One outcome for each recipient, in order; `Ok` is given after the commit is on disk.
    ///
    /// A recipient that stands twice for the same mailbox of the same account gets one copy, and both are told so:
    /// two aliases of one person are the usual reason, and a second copy would only ring twice.
    ///
    /// Not cancel-safe: what has been handed to the store is delivered, whether or not anybody hears of it.
    pub async fn deliver(
        &self,
        recipients: &[Recipient],
        incoming: Incoming,
    ) -> Vec<Result<Delivered, Error>> {
        let (received_at, sender) = (incoming.received_at, incoming.reverse_path.clone());
        let (prepared, parsed) = match self.parse(incoming).await {
            Ok(done) => done,
            Err(error) => return vec![Err(error); recipients.len()],
        };
        // RFC 5321 §6.3: a large number of Received fields, at least 100, means a loop.
        if prepared.received > HOPS_MAX {
            return vec![Err(Error::Loop { received: prepared.received }); recipients.len()];
        }
        let message_bytes = u64::try_from(prepared.bytes.len()).unwrap_or(u64::MAX);
        let raw = Raw { bytes: prepared.bytes, parsed: Arc::new(parsed) };

        let copies = copies(recipients, prepared.spam);
        let outcomes = self.store.deliver(copies.deliveries(&raw, received_at)).await;
        let delivered: Vec<Delivered> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect();
        let arrived = Arrived { raw: &raw, sender: sender.as_deref(), spam: prepared.spam, received_at };
        self.follow(arrived, &delivered).await;
        let outcomes: Vec<Result<Delivered, Error>> = outcomes
            .into_iter()
            .zip(&copies.first)
            .map(|(outcome, first)| {
                outcome.map_err(|error| Error::from_store(error, message_bytes, first.quota_bytes))
            })
            .collect();
        copies.of.iter().map(|&copy| outcomes.get(copy).cloned().unwrap_or(Err(Error::NoOutcome))).collect()
    }

    /// Prepares and parses; on a thread of its own when that takes long enough to hold up other connections.
    async fn parse(&self, incoming: Incoming) -> Result<(Prepared, message::Parsed), Error> {
        let large = incoming.bytes.len() > PARSE_INLINE_BYTES_MAX;
        let options = Arc::clone(&self.options);
        let work = move || {
            let prepared = prepare(incoming, &options.spam_headers);
            let parsed = message::Parsed::parse(&prepared.bytes);
            (prepared, parsed)
        };
        if !large {
            return Ok(work());
        }
        tokio::task::spawn_blocking(work).await.map_err(|error| Error::Parse(Arc::new(error)))
    }
}

/// Where in an account a copy goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Inbox,
    Junk,
    Mailbox(MailboxName),
}

impl Place {
    fn target(&self) -> Target {
        match self {
            Self::Inbox => Target::NameOrInbox(MailboxName::inbox()),
            Self::Junk => Target::UseOrInbox(SpecialUse::Junk),
            // By name, not by id: a mailbox that is deleted before the commit must not cost the message.
            Self::Mailbox(name) => Target::NameOrInbox(name.clone()),
        }
    }
}

/// The step that decides where a recipient's copy goes. A Sieve script of the account belongs here: it sees the
/// prepared message and the envelope, and what it answers takes the place of this decision.
///
/// A spam mark wins over a sub-address, since senders choose sub-addresses.
fn place(recipient: &Recipient, spam: Spam) -> Place {
    match (spam, &recipient.mailbox) {
        (Spam::Marked, _) => Place::Junk,
        (Spam::Unmarked, Some(name)) if *name != MailboxName::inbox() => Place::Mailbox(name.clone()),
        (Spam::Unmarked, _) => Place::Inbox,
    }
}

/// Which copies there have to be.
#[derive(Debug)]
struct Copies<'a> {
    /// The first recipient of each copy.
    first: Vec<&'a Recipient>,
    /// Where each copy goes.
    places: Vec<Place>,
    /// Which copy each recipient gets, in the order of recipients.
    of: Vec<usize>,
}

fn copies(recipients: &[Recipient], spam: Spam) -> Copies<'_> {
    let mut known: BTreeMap<(AccountId, Place), usize> = BTreeMap::new();
    let mut copies =
        Copies { first: Vec::new(), places: Vec::new(), of: Vec::with_capacity(recipients.len()) };
    for recipient in recipients {
        let place = place(recipient, spam);
        let next = copies.first.len();
        let copy = *known.entry((recipient.account, place.clone())).or_insert(next);
        if copy == next {
            copies.first.push(recipient);
            copies.places.push(place);
        }
        copies.of.push(copy);
    }
    copies
}

impl Copies<'_> {
    fn deliveries(&self, raw: &Raw, received_at: UnixTime) -> Vec<Delivery> {
        let delivery = |(recipient, place): (&&Recipient, &Place)| Delivery {
            account: recipient.account,
            message: NewMessage {
                raw: raw.clone(),
                target: place.target(),
                received_at,
                flags: Flags::default(),
                keywords: Vec::new(),
                cause: Cause::Delivery,
            },
        };
        self.first.iter().zip(&self.places).map(delivery).collect()
    }
}

/// More `Received` header fields than this are a loop.
const HOPS_MAX: usize = 100;

/// Larger messages are parsed off the asynchronous threads: above this it takes some tenths of a millisecond.
const PARSE_INLINE_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
