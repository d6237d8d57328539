//! Sends what is queued in the store, through a smarthost: the SMTP server of a provider, or the MTA beside us.
//!
//! The parts: [`smtp`] (replies, commands and the connection), `content` (what of a message is sent), `backoff` (when to try
//! again), `attempt` (one dialogue for one submission), [`sender`] (which submission when, pauses, the end).
//!
//! Not here: who may send what (JMAP), the rows of the queue (the store), looking up MX records and talking to the servers of
//! recipients (the smarthost does that, and reports what became of a message).
//!
//! RFC 5321 (client), RFC 6409, RFC 1870 SIZE, RFC 3207 STARTTLS, RFC 4954 AUTH, RFC 6152 8BITMIME, RFC 6531 SMTPUTF8, RFC 3461 DSN.
//!
//! # What is promised across crashes, broken connections and restarts
//! SMTP has no transaction of two parties: between the last dot of a message and the smarthost's answer nobody can say who
//! answers for it (RFC 5321 §6.1 has the client send again, and accepts that some mail comes twice). Here it is the other way round:
//! **no recipient gets a message twice because of us, and none is lost without being told.**
//! - A submission is on disk before JMAP answers that it was made.
//! - All of the content goes out but its final dot. Then a commit says that these recipients are *in doubt*; it fails if the
//!   submission was canceled. Only after that commit the dot is sent.
//! - Before that commit, whatever happens is tried again: a server discards a message without its end (RFC 5321 §4.1.1.4).
//! - After it, the answer decides, and is on disk at once: 250 is relayed, 4xx is tried again, 5xx has failed.
//! - If no answer comes (the connection breaks or is silent for ten minutes, or this process is killed), the recipients in doubt
//!   count as relayed, with a reply of 451 4.4.2 that says so in `deliveryStatus`, and are never tried again.
//!
//! So a crash can leave a message undelivered only if it falls between the dot and the answer, and the sender sees that.
//!
//! # Invariants
//! - One submission has one attempt at a time; one server runs on a data directory (the lock of the binary), so that no two try.
//! - Passwords go over TLS only, except to this machine.
//! - No line, reply, wait or message is without a limit: [`smtp::reply`], [`sender::Limits`].

mod attempt;
mod backoff;
mod content;
pub mod sender;
pub mod smarthost;
pub mod smtp;
