//! Web Push for JMAP (RFC 8620 §7.2): what the notifier is told to say to the subscriptions that clients have made.
//!
//! [`terms`] says what a subscription is to be told; [`composer`] says it, with [`email_push`] for new emails and [`fit`] for
//! what goes into one push; [`registrar`] is what the methods of PushSubscription share.
//!
//! Not here: when something is pushed, to whom and how often it is tried (the notifier), encryption and addresses that may
//! be posted to (`push-sender`), the methods (`method::push_subscription`).
//!
//! # Invariants
//! - Before its client has shown the code, nothing but that code is pushed to a subscription.
//! - What a client is not told in a push it learns by asking: each push has the state that the account is in.
//!
//! # Deviations
//! - Whoever has no keys gets no contents of emails, whatever it asks for.

pub(crate) mod composer;
mod email_push;
mod fit;
pub(crate) mod registrar;
pub(crate) mod terms;
