//! What XAPPLEPUSHSERVICE pushes: which mailboxes have changed, one document for each. New mail leaves at once, other
//! changes wait for more of them.
//!
//! Access to the mailboxes is looked at again each time: what the account may no longer see is not told of.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use notifier::compose::{Assignment, Composed, Composer, Composing, Push};
use store::{Cause, Flags, MailboxId, MailboxName, PushKind, PushSubscription, Store};
use webpush::header::{Ttl, Urgency};

use crate::push::md5::hex_digest;
use crate::push::{TRIAL_TTL, read_log};
use crate::wire::mailbox::push_modified_utf7;

/// Where Apple's push service is, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppleOffer {
    /// Told to clients: what the certificate is for.
    pub topic: String,
    /// What endpoints begin with, without a slash at its end.
    pub base_url: String,
}

/// What a device wants to be told of: its account's id there, and mailboxes. Kept as text in the store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AppleRequest {
    pub(crate) account_id: String,
    pub(crate) mailboxes: BTreeSet<MailboxId>,
}

impl AppleRequest {
    /// As the store keeps it.
    pub(crate) fn to_text(&self) -> String {
        let ids: Vec<String> = self.mailboxes.iter().map(|id| id.0.to_string()).collect();
        format!("{}\n{}", self.account_id, ids.join(" "))
    }

    fn from_text(text: &str) -> Self {
        let (account_id, ids) = text.split_once('\n').unwrap_or((text, ""));
        let ids = ids.split(' ').filter_map(|id| id.parse().ok()).map(MailboxId);
        Self { account_id: account_id.to_owned(), mailboxes: ids.collect() }
    }

    /// Neither of the two needs escaping: an account's id is of letters, digits and `-._:`.
    fn document(&self, mailbox: &MailboxName) -> String {
        // As such clients write the name, and hence digest it.
        let mut name = BytesMut::new();
        push_modified_utf7(&mut name, mailbox.as_str());
        format!(r#"{{"aps":{{"account-id":"{}"}},"m":"{}"}}"#, self.account_id, hex_digest(&name))
    }
}

/// Composes for XAPPLEPUSHSERVICE.
#[derive(Debug)]
pub struct AppleComposer {
    merge: Duration,
}

impl AppleComposer {
    /// A composer whose changes without new mail wait so long for others.
    #[must_use]
    pub fn new(merge: Duration) -> Self {
        Self { merge }
    }

    async fn compose_from(store: &Store, assignment: &Assignment<'_>) -> store::Result<Composed> {
        let request = AppleRequest::from_text(&assignment.subscription.request);
        let log = read_log(store, assignment.access, assignment.from).await?;
        let (cursor, more) = (log.changes.modseq, log.changes.more);
        let mailboxes = store.mailboxes(assignment.access).await?;
        let memberships = log.changes.memberships.iter();
        let changes: Vec<_> =
            memberships.filter(|change| request.mailboxes.contains(&change.mailbox)).collect();
        let changed: BTreeSet<MailboxId> = changes.iter().map(|change| change.mailbox).collect();
        let announces_mail = changes.iter().any(|change| {
            change.arrived == Some(Cause::Delivery)
                && change.now.is_some_and(|entry| !entry.flags.contains(Flags::SEEN))
        });
        // Where the log does not reach back, all of them may have changed.
        let is_due = |id| request.mailboxes.contains(&id) && (changed.contains(&id) || !log.changes.complete);
        let due = mailboxes.iter().filter(|mailbox| is_due(mailbox.id));
        let documents: Vec<String> = due.map(|mailbox| request.document(&mailbox.name)).collect();
        let push = (!documents.is_empty()).then(|| Push {
            cleartext: Bytes::from(documents.join("\n")),
            urgency: if announces_mail { Urgency::High } else { Urgency::Normal },
            topic: None,
            ttl: TTL,
        });
        Ok(Composed { pushes: push.into_iter().collect(), more, ..Composed::nothing(cursor) })
    }
}

impl Composer for AppleComposer {
    fn kind(&self) -> PushKind {
        PushKind::Apple
    }

    fn compose<'a>(&'a self, store: &'a Store, assignment: Assignment<'a>) -> Composing<'a> {
        Box::pin(async move { Self::compose_from(store, &assignment).await })
    }

    fn verification(&self, _subscription: &PushSubscription, _token: &str) -> Option<Push> {
        None
    }

    fn key_notice(&self, _new_key: &str) -> Option<Push> {
        None
    }

    fn trial(&self, subscription: &PushSubscription) -> Option<Push> {
        let request = AppleRequest::from_text(&subscription.request);
        let cleartext = Bytes::from(request.document(&MailboxName::inbox()));
        Some(Push { cleartext, urgency: Urgency::High, topic: None, ttl: TRIAL_TTL })
    }

    fn merge_time(&self) -> Duration {
        self.merge
    }
}

/// A day.
const TTL: Ttl = Ttl::from_seconds(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_kept_as_text() {
        let mailboxes = [MailboxId(7), MailboxId(12)].into();
        let request = AppleRequest { account_id: "0715A26B-CA09-4730-A419-793000CA982E".into(), mailboxes };
        assert_eq!(AppleRequest::from_text(&request.to_text()), request);
    }

    #[test]
    fn a_document_names_account_and_mailbox() {
        let request = AppleRequest { account_id: "A".into(), mailboxes: BTreeSet::new() };
        let name = |name: &str| MailboxName::new(name).expect("a name");
        assert_eq!(
            request.document(&name("INBOX")),
            r#"{"aps":{"account-id":"A"},"m":"7e33429f656f1e6e9d79b29c3f82c57e"}"#
        );
        assert!(request.document(&name("Entwürfe")).contains(&hex_digest(b"Entw&APw-rfe")));
    }
}
