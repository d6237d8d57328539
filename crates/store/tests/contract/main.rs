//! What every backend of the store must do, whatever stands behind it.
//!
//! The suite knows only the public interface and one way to open a store, `home::Home`: a second backend adds a second
//! way there and runs the same tests.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy takes for something else outside of #[test]"
)]

mod accounts;
mod acl;
mod annotations;
mod changes;
mod delivery;
mod emails;
mod flags;
mod home;
mod isolation;
mod lifecycle;
mod mailboxes;
mod model;
mod moves;
mod opening;
mod push;
mod push_jmap;
mod push_request;
mod replay;
mod submissions;
