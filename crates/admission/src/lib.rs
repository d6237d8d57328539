//! Who may come in, and how often: fairness between peers and between accounts, for every protocol alike.
//!
//! - [`peer`]: what counts as one peer;
//! - [`places`]: how many connections a key may have;
//! - [`guessing`]: delays and bans for those who guess passwords.
//!
//! No I/O and no clock: time is an argument. Everything is in memory, bounded, and forgotten by a restart.

pub mod guessing;
pub mod peer;
pub mod places;
