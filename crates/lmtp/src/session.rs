//! What the commands so far mean: the state of one connection, without the connection.
//!
//! ```text
//! New --LHLO--> Ready --MAIL--> transaction --RCPT*--> --DATA--> content --end--> delivery --> Ready
//!                                                      --BDAT*-> chunks  --LAST-> delivery --> Ready
//! ```
//! LHLO and RSET abort a transaction (RFC 5321 §4.1.4), STARTTLS forgets everything (RFC 3207 §4.2). What needs time
//! (looking up a recipient, delivering, TLS) is asked of the connection by an [`Action`], and its result handed in.

use std::borrow::Cow;
use std::sync::Arc;

use delivery::{Address, BodyType, Incoming, Peer, Protocol, Recipient, Trace};
use store::UnixTime;

use crate::cmd;
use crate::content::{Budget, Content, ContentError, Share};
use crate::reply::Reply;
use crate::wire::command::{self, Command, SyntaxError};
use crate::wire::decoder::LineError;
use crate::wire::path::Path;

/// What a session knows of the server that it belongs to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the server calls itself.
    pub hostname: Arc<str>,
    /// The most octets of a message: 552 above it.
    pub message_bytes_max: u64,
    /// The most recipients of a transaction: 452 above it.
    pub recipients_max: usize,
    /// What all sessions together may hold.
    pub budget: Budget,
}

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// It can't be: the server has no certificate.
    Unavailable,
    /// It is not yet.
    Offered,
    /// It is.
    Active,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    pub(crate) settings: Settings,
    pub(crate) tls: Tls,
    peer: Peer,
    /// Marks the connection in `Received` and in the log: an atom.
    id: String,
    /// Transactions begun.
    transactions: u64,
    /// Commands answered with a protocol error.
    errors: u32,
    /// Set by LHLO.
    pub(crate) client: Option<Client>,
    /// What is done at the end of the content that is being read.
    pub(crate) reading: Reading,
}

/// What LHLO began.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) transaction: Option<Transaction>,
}

/// What MAIL began.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) reverse_path: Option<Address>,
    pub(crate) declared_bytes: Option<u64>,
    pub(crate) body: BodyType,
    pub(crate) smtputf8: bool,
    pub(crate) recipients: Vec<Recipient>,
    /// Set by DATA or the first BDAT.
    pub(crate) content: Option<Content>,
}

/// Which content the decoder is in.
#[derive(Debug)]
pub(crate) enum Reading {
    /// None: command lines.
    Commands,
    /// The content of DATA.
    Data,
    /// A chunk that belongs to the transaction.
    Chunk { size: u64, last: bool },
    /// A chunk that belongs to nothing, and what is answered when it has been dropped.
    Dropped(Reply),
}

/// What the connection has to do next.
#[derive(Debug)]
pub enum Action {
    /// Write it.
    Reply(Reply),
    /// Look the recipient up and hand the result to [`Session::resolved`].
    Resolve {
        /// Whom.
        address: Address,
        /// RFC 1870: the size that MAIL declared.
        declared_bytes: Option<u64>,
    },
    /// Write it, and read the content of DATA.
    Data(Reply),
    /// Read a chunk of so many octets.
    Chunk(u64),
    /// Deliver, and answer with [`crate::reply::write_outcomes`].
    Deliver(Finished),
    /// If nothing has been read beyond the command: write it, negotiate TLS and call [`Session::encrypted`].
    StartTls(Reply),
    /// Write it and close.
    Close(Reply),
}

/// A transaction whose content has been read to its end.
#[derive(Debug)]
pub struct Finished {
    /// Who gets it; never empty.
    pub recipients: Vec<Recipient>,
    /// The message, or why it was not kept.
    pub message: Result<Incoming, ContentError>,
    /// Octets that came, kept or not.
    pub bytes: u64,
    /// Its mark, as in `Received`.
    pub id: String,
    /// Given back when the message has been delivered.
    _share: Option<Share>,
}

impl Session {
    /// A new connection from `peer`, marked by an `id` that is an atom and no other connection has.
    #[must_use]
    pub fn new(settings: Settings, tls: Tls, peer: Peer, id: String) -> Self {
        Self { settings, tls, peer, id, transactions: 0, errors: 0, client: None, reading: Reading::Commands }
    }

    /// What is said first.
    #[must_use]
    pub fn greeting(&self) -> Reply {
        Reply::greeting(&self.settings.hostname)
    }

    /// Whether a transaction is under way: one should not close the connection now.
    #[must_use]
    pub fn is_in_transaction(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.transaction.is_some())
    }

    /// Whether content is being read.
    #[must_use]
    pub fn is_reading_content(&self) -> bool {
        !matches!(self.reading, Reading::Commands)
    }

    /// Takes a command line; `now` is when it came.
    pub fn line(&mut self, line: Result<&[u8], LineError>, now: UnixTime) -> Action {
        let action = match line.map_err(Reply::line_error) {
            Err(reply) => Action::Reply(reply),
            Ok(line) => match command::parse(line) {
                Ok(command) => self.command(command, now),
                // Where the next command begins is not known: what comes may be a message's, not the client's.
                Err(SyntaxError::ChunkSize) => Action::Close(Reply::syntax_error(SyntaxError::ChunkSize)),
                Err(error) => Action::Reply(Reply::syntax_error(error)),
            },
        };
        self.counted(action)
    }

    fn command(&mut self, command: Command<'_>, now: UnixTime) -> Action {
        match command {
            Command::Lhlo(name) => cmd::lhlo::run(self, name),
            Command::Mail(mail) => cmd::mail::run(self, mail),
            Command::Rcpt(path) => cmd::rcpt::run(self, path),
            Command::Data => cmd::data::run(self, now),
            Command::Bdat { size, last } => cmd::bdat::run(self, size, last, now),
            Command::Rset => cmd::rset::run(self),
            Command::StartTls => cmd::starttls::run(self),
            Command::Noop => Action::Reply(Reply::ok()),
            Command::Quit => Action::Close(Reply::bye()),
            Command::Help => Action::Reply(Reply::help()),
            Command::Vrfy => Action::Reply(Reply::cannot_verify()),
            Command::Expn => Action::Reply(Reply::not_implemented()),
            Command::Helo => Action::Reply(Reply::not_smtp()),
        }
    }

    /// Counts protocol errors. The last one allowed is answered by closing.
    fn counted(&mut self, action: Action) -> Action {
        let is_error = matches!(&action, Action::Reply(reply) if reply.is_protocol_error());
        if is_error {
            self.errors = self.errors.saturating_add(1);
            if self.errors >= ERRORS_MAX {
                return Action::Close(Reply::too_many_errors());
            }
        }
        action
    }

    /// Takes the result of [`Action::Resolve`].
    pub fn resolved(&mut self, result: Result<Recipient, delivery::Error>) -> Reply {
        let Some(transaction) = self.transaction() else {
            return Reply::out_of_order(NO_MAIL);
        };
        match result {
            Ok(recipient) => {
                transaction.recipients.push(recipient);
                Reply::recipient_ok()
            }
            Err(error) => Reply::delivery_error(&error),
        }
    }

    /// Takes octets of content.
    pub fn content(&mut self, octets: &[u8]) {
        let limit = self.settings.message_bytes_max;
        if matches!(self.reading, Reading::Data | Reading::Chunk { .. })
            && let Some(content) = self.transaction().and_then(|transaction| transaction.content.as_mut())
        {
            content.push(octets, limit);
        }
    }

    /// Takes the end of content.
    pub fn content_end(&mut self) -> Action {
        match std::mem::replace(&mut self.reading, Reading::Commands) {
            Reading::Dropped(reply) => self.counted(Action::Reply(reply)),
            Reading::Chunk { size, last: false } => {
                let content = self.transaction().and_then(|transaction| transaction.content.as_ref());
                let error = content.and_then(Content::error);
                Action::Reply(error.map_or_else(|| Reply::chunk_ok(size), Reply::content_error))
            }
            Reading::Data | Reading::Chunk { last: true, .. } | Reading::Commands => self.finish(),
        }
    }

    fn finish(&mut self) -> Action {
        let transaction = self.client.as_mut().and_then(|client| client.transaction.take());
        let Some(Transaction { recipients, content: Some(content), .. }) = transaction else {
            return Action::Reply(Reply::out_of_order(NO_MAIL));
        };
        let bytes = content.bytes;
        let (message, share) = match content.finish() {
            Ok((incoming, share)) => (Ok(incoming), Some(share)),
            Err(error) => (Err(error), None),
        };
        Action::Deliver(Finished { recipients, message, bytes, id: self.transaction_id(), _share: share })
    }

    /// TLS has been negotiated. RFC 3207 §4.2: what was known of the client is forgotten.
    pub fn encrypted(&mut self) {
        self.tls = Tls::Active;
        self.client = None;
        self.reading = Reading::Commands;
    }

    /// Begins the content of the transaction.
    pub(crate) fn begin_content(&mut self, now: UnixTime) {
        let id = self.transaction_id();
        let Some(Client { name, transaction: Some(transaction) }) = &mut self.client else {
            return;
        };
        let protocol = match (self.tls, transaction.smtputf8) {
            (Tls::Active, false) => Protocol::Lmtps,
            (Tls::Active, true) => Protocol::Utf8Lmtps,
            (Tls::Offered | Tls::Unavailable, false) => Protocol::Lmtp,
            (Tls::Offered | Tls::Unavailable, true) => Protocol::Utf8Lmtp,
        };
        let trace = Trace {
            reverse_path: transaction.reverse_path.as_ref(),
            hostname: &self.settings.hostname,
            client: name,
            peer: self.peer,
            protocol,
            id: &id,
            received_at: now,
        };
        let incoming = Incoming::new(&trace, transaction.body);
        transaction.content = Some(Content::new(incoming, self.settings.budget.clone()));
    }

    /// Begins a transaction in place of any other.
    pub(crate) fn begin_transaction(&mut self, transaction: Transaction) {
        self.transactions = self.transactions.saturating_add(1);
        if let Some(client) = &mut self.client {
            client.transaction = Some(transaction);
        }
    }

    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        self.client.as_mut()?.transaction.as_mut()
    }

    fn transaction_id(&self) -> String {
        format!("{}.{}", self.id, self.transactions)
    }
}

/// A wire path as delivery knows it.
pub(crate) fn address(path: &Path<'_>) -> Address {
    Address { local_part: Cow::clone(&path.local_part).into_owned(), domain: path.domain.map(str::to_owned) }
}

pub(crate) const NO_LHLO: &str = "LHLO first";
pub(crate) const NO_MAIL: &str = "MAIL first";
pub(crate) const NO_RCPT: &str = "no recipient was accepted";
pub(crate) const HAS_CONTENT: &str = "BDAT has begun";

/// Protocol errors in one connection: the last one is answered with 421.
const ERRORS_MAX: u32 = 20;
