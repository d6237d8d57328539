//! Mailboxes (RFC 8621 §2).
//!
//! The store keeps full names with `/` between levels; JMAP has a name and a parent. What lies between a mailbox and its nearest
//! ancestor that is there belongs to its name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use store::{Mailbox, MailboxCounts, MailboxId, SpecialUse};

use super::Context;
use crate::reply::MethodError;
use crate::wire::id;

pub(crate) mod changes;
pub(crate) mod get;
pub(crate) mod query;
pub(crate) mod query_changes;
pub(crate) mod set;

/// All mailboxes of an account and how they hang together.
pub(crate) struct Tree {
    mailboxes: BTreeMap<MailboxId, Place>,
}

/// A mailbox in the tree.
pub(crate) struct Place {
    /// As the store has it.
    pub(crate) mailbox: Mailbox,
    /// The mailbox above.
    pub(crate) parent: Option<MailboxId>,
    /// Its name below that.
    pub(crate) name: String,
}

impl Tree {
    /// Puts mailboxes into their places.
    pub(crate) fn new(mailboxes: Vec<Mailbox>) -> Self {
        let by_name: BTreeMap<String, MailboxId> =
            mailboxes.iter().map(|mailbox| (mailbox.name.as_str().to_owned(), mailbox.id)).collect();
        let place = |mailbox: Mailbox| {
            let mut above = mailbox.name.parent();
            while above.as_ref().is_some_and(|name| !by_name.contains_key(name.as_str())) {
                above = above.and_then(|name| name.parent());
            }
            let full = mailbox.name.as_str();
            let (parent, name) = match above {
                None => (None, full.to_owned()),
                Some(above) => {
                    let rest = full.get(above.as_str().len() + 1..).unwrap_or_default();
                    (by_name.get(above.as_str()).copied(), rest.to_owned())
                }
            };
            (mailbox.id, Place { mailbox, parent, name })
        };
        Self { mailboxes: mailboxes.into_iter().map(place).collect() }
    }

    /// One of them.
    pub(crate) fn find(&self, id: MailboxId) -> Option<&Place> {
        self.mailboxes.get(&id)
    }

    /// All of them, by id.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Place> {
        self.mailboxes.values()
    }

    /// A mailbox and those above it, the top first.
    pub(crate) fn path(&self, id: MailboxId) -> Vec<&Place> {
        let mut path = Vec::new();
        let mut next = Some(id);
        // Parents have shorter names, so this ends.
        while let Some(place) = next.and_then(|id| self.find(id)) {
            path.push(place);
            next = place.parent;
        }
        path.reverse();
        path
    }
}

/// RFC 8621 §2: the role of a mailbox.
pub(crate) fn role(mailbox: &Mailbox) -> Option<&'static str> {
    if mailbox.name.as_str() == "INBOX" {
        return Some("inbox");
    }
    Some(match mailbox.special_use? {
        SpecialUse::Archive => "archive",
        SpecialUse::Drafts => "drafts",
        SpecialUse::Junk => "junk",
        SpecialUse::Sent => "sent",
        SpecialUse::Trash => "trash",
    })
}

/// The name that is shown: INBOX is written as people write it.
fn shown_name(place: &Place) -> &str {
    if place.mailbox.name.as_str() == "INBOX" { "Inbox" } else { &place.name }
}

/// The wanted properties of a mailbox.
pub(crate) fn object(place: &Place, counts: &MailboxCounts, wanted: &BTreeSet<&'static str>) -> Value {
    let mailbox = &place.mailbox;
    let is_inbox = mailbox.name.as_str() == "INBOX";
    let mut object = Map::new();
    for property in wanted {
        let value = match *property {
            "id" => json!(id::of_mailbox(mailbox.id)),
            "name" => json!(shown_name(place)),
            "parentId" => json!(place.parent.map(id::of_mailbox)),
            "role" => json!(role(mailbox)),
            "sortOrder" => json!(counts.sort_order),
            "totalEmails" => json!(counts.emails),
            "unreadEmails" => json!(counts.unread_emails),
            "totalThreads" => json!(counts.threads),
            "unreadThreads" => json!(counts.unread_threads),
            "myRights" => rights(is_inbox),
            "isSubscribed" => json!(mailbox.subscribed),
            _ => continue,
        };
        object.insert((*property).to_owned(), value);
    }
    Value::Object(object)
}

/// What one may do with one's own mailbox.
fn rights(is_inbox: bool) -> Value {
    json!({
        "mayReadItems": true,
        "mayAddItems": true,
        "mayRemoveItems": true,
        "maySetSeen": true,
        "maySetKeywords": true,
        "mayCreateChild": true,
        "mayRename": !is_inbox,
        "mayDelete": !is_inbox,
        "maySubmit": true,
    })
}

/// What is counted in these mailboxes, counted anew only where something has changed.
pub(crate) async fn counts(
    context: &Context<'_>,
    ids: Vec<MailboxId>,
) -> Result<BTreeMap<MailboxId, MailboxCounts>, MethodError> {
    let (server, access) = (context.server, context.access);
    let changed: BTreeMap<_, _> = server.store.mailbox_counts_changed(access).await?.into_iter().collect();
    let mut counts = BTreeMap::new();
    for mailbox in ids {
        let Some(&modseq) = changed.get(&mailbox) else { continue };
        let key = (access.owner(), mailbox);
        let known = server.counts.lock().get(&key).filter(|(at, _)| *at == modseq).map(|(_, counts)| *counts);
        let counted = match known {
            Some(counts) => counts,
            None => match server.store.mailbox_counts(access, mailbox).await {
                Ok(counted) => {
                    let mut known = server.counts.lock();
                    if known.len() >= COUNTS_MAX {
                        known.clear();
                    }
                    known.insert(key, (modseq, counted));
                    counted
                }
                // Deleted meanwhile.
                Err(store::Error::NotFound(_)) => continue,
                Err(error) => return Err(error.into()),
            },
        };
        counts.insert(mailbox, counted);
    }
    Ok(counts)
}

/// Every property (RFC 8621 §2).
pub(crate) const PROPERTIES: [&str; 11] = [
    "id",
    "name",
    "parentId",
    "role",
    "sortOrder",
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
    "myRights",
    "isSubscribed",
];
/// Those that cost counting.
const COUNTED: [&str; 5] = ["sortOrder", "totalEmails", "unreadEmails", "totalThreads", "unreadThreads"];

/// Whether any of these costs counting.
pub(crate) fn is_counted(wanted: &BTreeSet<&'static str>) -> bool {
    COUNTED.iter().any(|property| wanted.contains(property))
}

/// Mailboxes whose counts are remembered; with one more all are counted anew.
const COUNTS_MAX: usize = 100_000;
