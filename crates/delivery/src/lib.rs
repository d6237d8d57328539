//! An accepted message on its way to the mailboxes of its recipients.
//!
//! Two questions are answered here: who is meant by an address ([`Deliverer::resolve`]), and what became of a
//! message for each of its recipients ([`Deliverer::deliver`]). Between them a message is an [`Incoming`]: a buffer
//! that begins with the trace header and grows as octets come in, so that it is held once.
//!
//! A delivery may lead to a reply while the owner is away, which is put into the store's queue, and a report may say what became
//! of a message that was sent from here.
//!
//! Not here: the protocol that the message came by, replies and their codes, forwarding, bounces. The MTA in front
//! owns the queue; whoever calls has to tell it of every recipient.
//!
//! RFC 5321 §4.4 (trace information), RFC 5233 §4 (sub-addresses), RFC 6531 §3.7.3 and RFC 3848 (transmission
//! types), RFC 5321 §6.3 (loops), RFC 3834 and RFC 5230 §4 (replies), RFC 3464 and RFC 8098 (reports, read).
//!
//! # Invariants
//! - All recipients of a message share one sequence of octets, and so one blob and one parse. Hence no header field
//!   that differs between recipients is added: `Delivered-To` would tell each recipient's mailbox what its owner
//!   knows already, and cost a copy of the message for each; `for` in `Received` would do the same and tell
//!   recipients of each other besides (RFC 5321 §7.6).
//! - There is one outcome for each recipient, in their order, and `Ok` only after the commit is on disk.
//! - One call to the store for one message, whatever the number of recipients.

mod address;
mod away;
mod deliverer;
mod error;
mod follow;
mod incoming;
mod known;
mod prepare;
mod report;
mod resolve;
mod trace;

pub use address::Address;
pub use deliverer::{Deliverer, Options};
pub use error::{Class, Error};
pub use incoming::{BodyType, Incoming};
pub use resolve::Recipient;
pub use trace::{Peer, Protocol, Trace};
