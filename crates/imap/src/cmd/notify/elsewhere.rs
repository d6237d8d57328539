//! What NOTIFY tells of others' mailboxes: of those that the user may see, or read, at the time of telling.
//!
//! Each owner's log has its own cursor and its own watch. Only event groups reach here that name mailboxes or mean the
//! subscribed ones; the rest is about the user's own namespace (RFC 5465 §6.2 and §6.3).
//!
//! Not told: a mailbox that can be looked up no longer, whether it is gone or the right to it; annotations of others'
//! mailboxes (RFC 5465 §5.6).

use std::collections::{BTreeMap, BTreeSet};

use bus::Watch;
use store::{Access, AccountId, Mailbox, MailboxId, MailboxName, ModSeq, Rights, SharedMailbox};

use crate::cmd::notify::Registration;
use crate::cmd::notify::tell::{Log, selected};
use crate::cmd::{Context, list, status};
use crate::reply::Failure;
use crate::wire::list::StatusItem;
use crate::wire::response::{ListLine, Response};

/// The owners whose mailboxes the user can look up.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere(BTreeMap<AccountId, Owner>);

#[derive(Debug)]
struct Owner {
    /// Says when the owner's account has changed.
    watch: Watch,
    /// Up to where the log has been told; `None` while nothing of it may be.
    cursor: Option<ModSeq>,
    /// The names that the client has been able to look up.
    names: BTreeMap<MailboxId, MailboxName>,
}

/// What is to be told.
#[derive(Default)]
pub(super) struct News {
    names: Vec<Named>,
    counts: Vec<Counted>,
}

/// A mailbox that has appeared, or has another name now.
struct Named {
    name: MailboxName,
    old_name: Option<MailboxName>,
    has_children: bool,
    is_subscribed: bool,
}

/// A mailbox whose messages have changed.
struct Counted {
    way: Access,
    name: MailboxName,
    mailbox: Mailbox,
    items: Vec<StatusItem>,
}

impl Elsewhere {
    pub(super) fn watches(&mut self) -> impl Iterator<Item = &mut Watch> {
        self.0.values_mut().map(|owner| &mut owner.watch)
    }
}

impl News {
    /// Responses that it takes.
    pub(super) fn len(&self) -> usize {
        self.names.len() + self.counts.len()
    }

    /// Writes them.
    pub(super) async fn tell(self, context: &mut Context<'_>) -> Result<(), Failure> {
        for Named { name, old_name, has_children, is_subscribed } in self.names {
            let children = if has_children { r"\HasChildren" } else { r"\HasNoChildren" };
            let attributes: Vec<_> =
                [Some(children), is_subscribed.then_some(r"\Subscribed")].into_iter().flatten().collect();
            let old_name = old_name.as_ref().map(MailboxName::as_str);
            let line = ListLine { attributes: &attributes, name: name.as_str(), child_info: &[], old_name };
            context.untagged(&Response::List(line));
            context.link.drain().await?;
        }
        for Counted { way, name, mailbox, items } in self.counts {
            status::tell(context, (&way, name.as_str()), &mailbox, &items).await?;
            context.link.drain().await?;
        }
        Ok(())
    }
}

/// Reads what is new, and goes on to there. `None` if a log no longer reaches back.
pub(super) async fn news(
    context: &Context<'_>,
    registration: &mut Registration,
) -> Result<Option<News>, Failure> {
    if !registration.reaches_elsewhere() {
        return Ok(Some(News::default()));
    }
    let mut elsewhere = std::mem::take(&mut registration.elsewhere);
    let news = read(context, registration, &mut elsewhere).await;
    registration.elsewhere = elsewhere;
    news
}

/// Others' mailboxes that may be read and whose messages are watched, with their names.
pub(super) async fn readable(
    context: &Context<'_>,
    registration: &Registration,
) -> Result<Vec<(SharedMailbox, MailboxName, bool)>, Failure> {
    if !registration.reaches_elsewhere() {
        return Ok(Vec::new());
    }
    let subscribed = subscribed(context).await?;
    let shared = context.store().shared_mailboxes(context.session.access()?).await?;
    let readable = shared.into_iter().filter(|shared| shared.rights.contains(Rights::READ));
    let named = readable.filter_map(|shared| {
        let name = shared.known_name()?;
        let is_subscribed = subscribed.contains(&name);
        Some((shared, name, is_subscribed))
    });
    Ok(named.collect())
}

async fn read(
    context: &Context<'_>,
    registration: &Registration,
    elsewhere: &mut Elsewhere,
) -> Result<Option<News>, Failure> {
    let shared = watched(context, elsewhere).await?;
    let subscribed = subscribed(context).await?;
    let owners: BTreeSet<AccountId> = shared.iter().map(|shared| shared.access.owner()).collect();
    elsewhere.0.retain(|owner, _| owners.contains(owner));
    let mut news = News::default();
    for mailboxes in shared.chunk_by(|a, b| a.access.owner() == b.access.owner()) {
        let Some(way) = mailboxes.first().map(|first| &first.access) else { continue };
        let Some(owner) = elsewhere.0.get_mut(&way.owner()) else { continue };
        let look = Look { registration, subscribed: &subscribed, mailboxes };
        look.at_names(owner, &mut news);
        if !look.at_messages(context, (way, owner), &mut news).await? {
            return Ok(None);
        }
    }
    Ok(Some(news))
}

/// Others' mailboxes, all of whose owners are watched from before they were read.
async fn watched(context: &Context<'_>, elsewhere: &mut Elsewhere) -> Result<Vec<SharedMailbox>, Failure> {
    loop {
        let mut shared = context.store().shared_mailboxes(context.session.access()?).await?;
        let mut owners = BTreeSet::new();
        shared.retain(|shared| {
            let owner = shared.access.owner();
            owners.contains(&owner) || (owners.len() < OWNERS_MAX && owners.insert(owner))
        });
        let known = elsewhere.0.len();
        for owner in owners {
            elsewhere.0.entry(owner).or_insert_with(|| Owner {
                watch: context.server.bus.watch(owner.0),
                cursor: None,
                names: BTreeMap::new(),
            });
        }
        if elsewhere.0.len() == known {
            return Ok(shared);
        }
    }
}

async fn subscribed(context: &Context<'_>) -> Result<BTreeSet<MailboxName>, Failure> {
    let names = context.store().subscribed_names(context.session.access()?).await?;
    Ok(names.into_iter().collect())
}

/// One look at one owner's mailboxes.
struct Look<'l> {
    registration: &'l Registration,
    subscribed: &'l BTreeSet<MailboxName>,
    mailboxes: &'l [SharedMailbox],
}

impl Look<'_> {
    /// RFC 5465 §5.4: also that a mailbox can be looked up from now on.
    fn at_names(&self, owner: &mut Owner, news: &mut News) {
        let named =
            self.mailboxes.iter().filter_map(|shared| Some((shared.mailbox.id, shared.known_name()?)));
        let names: BTreeMap<MailboxId, MailboxName> = named.collect();
        let parents = list::parents(names.values());
        for (id, name) in &names {
            let old_name = owner.names.get(id);
            if old_name == Some(name) {
                continue;
            }
            let is_subscribed = self.subscribed.contains(name);
            let wants = |name: &MailboxName| {
                self.registration.events_elsewhere(name.as_str(), is_subscribed).mailbox_name
            };
            if wants(name) || old_name.is_some_and(wants) {
                let (name, old_name) = (name.clone(), old_name.cloned());
                let has_children = parents.contains(&name);
                news.names.push(Named { name, old_name, has_children, is_subscribed });
            }
        }
        owner.names = names;
    }

    /// False: the log no longer reaches back.
    async fn at_messages(
        &self,
        context: &Context<'_>,
        (way, owner): (&Access, &mut Owner),
        news: &mut News,
    ) -> Result<bool, Failure> {
        let Some(from) = owner.cursor else {
            // What happened while nothing could be read is not told.
            owner.cursor = match context.store().modseq(way).await {
                Err(store::Error::NotFound(_)) => None,
                modseq => Some(modseq?),
            };
            return Ok(true);
        };
        if !self.mailboxes.iter().any(|shared| shared.rights.contains(Rights::READ)) {
            owner.cursor = None;
            return Ok(true);
        }
        let Some(log) = Log::read(context, way, from).await? else { return Ok(false) };
        owner.cursor = Some(log.modseq);
        let condstore = context.session.enabled.condstore;
        for shared in self.mailboxes {
            let id = shared.mailbox.id;
            let (Some(touched), Some(name)) = (log.touched.get(&id), owner.names.get(&id)) else { continue };
            if selected(context) == Some((way.owner(), id)) {
                continue;
            }
            let events = self.registration.events_elsewhere(name.as_str(), self.subscribed.contains(name));
            if let Some(items) = touched.wanted(events).items(condstore) {
                let (way, name, mailbox) = (way.clone(), name.clone(), shared.mailbox.clone());
                news.counts.push(Counted { way, name, mailbox, items });
            }
        }
        Ok(true)
    }
}

/// Owners whose mailboxes one session watches. Those that come later by name are not told of.
const OWNERS_MAX: usize = 256;
