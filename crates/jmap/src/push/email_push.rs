//! New emails, told with what their devices show of them (draft-ietf-jmap-emailpush).
//!
//! New is what has been delivered: not what a client appends, copies or imports.

use std::collections::{BTreeMap, HashMap};

use store::{Access, Cause, Columns, Email, Flags, Keywords, MessageId, ModSeq, Store, ThreadId};

use super::fit::Properties;
use super::terms::EmailPushConfig;
use crate::method::email::filter::{Candidate, Condition, Facts, Lists, ThreadFlags};
use crate::method::email::render::{self, Source, blob_of};
use crate::method::email::texts::Texts;
use crate::method::email::{get, query};
use crate::method::query::Filter;
use crate::reply::MethodError;

/// Emails that have been delivered after a MODSEQ.
pub(super) struct Deliveries {
    /// The newest, at most [`EMAILS_MAX`], oldest first.
    pub(super) emails: Vec<MessageId>,
    /// Up to where they are all.
    pub(super) until: ModSeq,
}

impl Deliveries {
    /// Reads the log from `since` on. What is too much is left to the state that is told with the rest.
    pub(super) async fn read(store: &Store, access: &Access, since: ModSeq) -> store::Result<Self> {
        let mut found: BTreeMap<MessageId, ModSeq> = BTreeMap::new();
        let mut until = since;
        for _ in 0..PAGES_MAX {
            let page = store.changes_since(access, until, PAGE_CHANGES).await?;
            let delivered = page.memberships.iter().filter(|change| {
                let is_there = change.now.is_some_and(|entry| !entry.flags.contains(Flags::DELETED));
                change.arrived == Some(Cause::Delivery) && is_there
            });
            found.extend(delivered.map(|change| (change.message, change.modseq)));
            until = page.modseq;
            if !page.more {
                let mut emails: Vec<_> = found.into_keys().collect();
                emails.drain(..emails.len().saturating_sub(EMAILS_MAX));
                return Ok(Self { emails, until });
            }
        }
        let until = store.modseq(access).await?;
        Ok(Self { emails: Vec::new(), until })
    }
}

/// What there is to say of those emails that a client wants to be told of.
pub(super) async fn told(
    store: &Store,
    access: &Access,
    emails: Vec<MessageId>,
    config: &EmailPushConfig,
) -> Result<Vec<Properties>, MethodError> {
    if emails.is_empty() {
        return Ok(Vec::new());
    }
    let reader = Reader { store, access, keywords: store.keywords(access).await? };
    let columns = Columns { envelope: true, structure: true, summary: true };
    let emails = store.emails(access, emails, columns).await?;
    let threads = match &config.filter {
        Some(filter) if filter.conditions().into_iter().any(Condition::asks_for_threads) => {
            reader.threads(&emails).await?
        }
        _ => HashMap::new(),
    };
    let mut told = Vec::with_capacity(emails.len());
    for email in &emails {
        if reader.is_wanted(email, config, &threads).await?
            && let Some(properties) = reader.properties(email, config).await?
        {
            told.push(properties);
        }
    }
    Ok(told)
}

struct Reader<'r> {
    store: &'r Store,
    access: &'r Access,
    keywords: Keywords,
}

impl Reader<'_> {
    async fn is_wanted(
        &self,
        email: &Email,
        config: &EmailPushConfig,
        threads: &HashMap<ThreadId, ThreadFlags>,
    ) -> Result<bool, MethodError> {
        let Some(filter) = &config.filter else { return Ok(true) };
        let candidate = Candidate {
            id: email.id,
            thread: email.thread,
            received_at: email.received_at.0,
            size: email.size,
            flags: email.flags,
            mailboxes: email.mailboxes.clone(),
        };
        let columns = query::columns(email).map_err(|_| MethodError::ServerFail)?;
        // The index does not know what has just come.
        let texts = Texts::default();
        let lists = Lists { keywords: &self.keywords, threads, texts: &texts };
        let facts = Facts { email: &candidate, columns: Some(&columns), raw: None, lists: &lists };
        let holds = |filter: &Filter<Condition>, facts: &Facts<'_>| {
            filter.holds(&mut |condition: &Condition| condition.holds(facts))
        };
        if let Some(decided) = holds(filter, &facts) {
            return Ok(decided);
        }
        match self.store.raw(self.access, email.id).await {
            Ok(raw) => Ok(holds(filter, &Facts { raw: Some(&raw), ..facts }).unwrap_or(false)),
            // Gone since.
            Err(store::Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The properties in the order in which the client named them; `None` if the email has gone since.
    async fn properties(
        &self,
        email: &Email,
        config: &EmailPushConfig,
    ) -> Result<Option<Properties>, MethodError> {
        let wanted = &config.wanted;
        let Some(raw) = get::content((self.store, self.access), email, wanted.depth()).await? else {
            return Ok(None);
        };
        let source = Source {
            email: Some((email, &self.keywords)),
            blob: blob_of(email),
            size: usize::try_from(email.size).unwrap_or(usize::MAX),
            envelope: &email.envelope,
            structure: &email.structure,
            summary: &email.summary,
            raw: &raw,
        };
        let mut budget = VALUES_BYTES_MAX;
        let mut object = render::object(&source, wanted, &mut budget)?;
        let named = wanted.properties.iter().filter(|(name, _)| wanted.asks_for_id || name != "id");
        let properties = named.filter_map(|(name, _)| Some((name.clone(), object.get_mut(name)?.take())));
        Ok(Some(properties.collect()))
    }

    /// The flags of the emails in the threads of these.
    async fn threads(&self, emails: &[Email]) -> Result<HashMap<ThreadId, ThreadFlags>, MethodError> {
        let none = Columns { envelope: false, structure: false, summary: false };
        let mut flags: HashMap<ThreadId, ThreadFlags> = HashMap::new();
        let threads = emails.iter().map(|email| email.thread).collect();
        for ids in self.store.threads(self.access, threads).await? {
            for chunk in ids.chunks(CHUNK_EMAILS) {
                for email in self.store.emails(self.access, chunk.to_vec(), none).await? {
                    let own = ThreadFlags { all: email.flags, some: email.flags };
                    flags.entry(email.thread).or_insert(own).add(email.flags);
                }
            }
        }
        Ok(flags)
    }
}

/// Emails that are told of in one go. Of more the newest are.
const EMAILS_MAX: usize = 64;
/// Changes that are read at a time.
const PAGE_CHANGES: usize = 2048;
/// Pages of the log that are read. What came with more changes than that is told by its state alone.
const PAGES_MAX: usize = 8;
/// Bytes of values of bodies, of which less can be told anyway.
const VALUES_BYTES_MAX: usize = 4096;
/// Emails of a thread that are read at a time.
const CHUNK_EMAILS: usize = 500;
