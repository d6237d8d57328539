//! UnifiedPush on a Linux desktop: the distributor's side of its D-Bus specification 0.4.
//!
//! [`distributor`] is what applications call, [`registrations`] what is remembered of them. Their subscriptions are the
//! gateway's, their messages go through its spool; the connector's side is
//! [`crate::gateway::target::connector`].

pub mod distributor;
pub mod registrations;
