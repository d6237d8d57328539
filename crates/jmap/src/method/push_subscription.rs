//! PushSubscription (RFC 8620 §7.2): where changes are pushed to.
//!
//! It belongs to no account but to the credential that made it: who logs in with another one neither sees nor touches it.

use std::time::{SystemTime, UNIX_EPOCH};

use store::UnixTime;

pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod set;

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
