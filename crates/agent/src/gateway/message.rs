//! A message on its way through the gateway.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::agent::{Delivery, Encryption};

/// What an application server said to a subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The name of the subscription.
    pub subscription: String,
    /// What the push service calls it; the same one may come twice, with the same id.
    pub id: String,
    /// RFC 8030 §5.3, where the service tells it.
    pub urgency: Option<String>,
    /// When it reached the gateway.
    pub received_at: SystemTime,
    /// How the body is encrypted; `None` for one that has been decrypted.
    pub encryption: Option<Encryption>,
    /// Cleartext or ciphertext; may be empty.
    pub body: Vec<u8>,
}

impl Message {
    /// The message of a delivery, in the form that its subscription wants.
    #[must_use]
    pub fn of(delivery: &Delivery) -> Self {
        let push = delivery.push();
        let (body, encryption) = match &push.ciphertext {
            Some(ciphertext) => (ciphertext.body.clone(), Some(ciphertext.encryption.clone())),
            None => (push.cleartext.clone(), None),
        };
        Self {
            subscription: push.subscription.clone(),
            id: delivery.id().to_owned(),
            urgency: push.urgency.clone(),
            received_at: push.received_at,
            encryption,
            body,
        }
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn received_seconds(&self) -> u64 {
        self.received_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    /// RFC 8030 §5.3: a message without an urgency is a normal one.
    #[must_use]
    pub fn urgency(&self) -> &str {
        self.urgency.as_deref().unwrap_or("normal")
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Message");
        fields.field("subscription", &self.subscription).field("bytes", &self.body.len());
        fields.finish_non_exhaustive()
    }
}
