//! RFC 8620 §7.2, RFC 9749 and draft-ietf-jmap-emailpush: subscriptions, and what is pushed to them by the real notifier and
//! sender.

mod email_pushes;
mod lifecycle;
mod properties;
mod state_changes;
pub(crate) mod world;
