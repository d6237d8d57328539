//! Ids of devices: a letter before the store's number, as the ids of JMAP's objects have.

use store::PushSubscriptionId;

use crate::wire::id::number;

/// A device's id.
pub(super) fn of(id: PushSubscriptionId) -> String {
    format!("D{}", id.0)
}

/// The subscription with this id, as far as its form tells.
pub(super) fn parse(text: &str) -> Option<PushSubscriptionId> {
    number('D', text).map(PushSubscriptionId)
}
