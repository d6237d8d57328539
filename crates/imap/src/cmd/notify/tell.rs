//! Tells what NOTIFY asked for of other mailboxes than the selected one (RFC 5465 §5): STATUS for messages, LIST for names
//! and subscriptions, METADATA for annotations.
//!
//! What the session has done itself is not told: its client knows. The selected mailbox's messages are left to
//! [`sync`](crate::cmd::sync).

use std::collections::{BTreeMap, BTreeSet};

use store::{
    Access, AccountChanges, AccountId, Cause, EntryName, Mailbox, MailboxChange, MailboxId, MailboxName,
    MembershipChange, ModSeq, Origin,
};

use crate::cmd::create::attribute_of;
use crate::cmd::notify::{Registration, Waiting, Wishes, elsewhere};
use crate::cmd::sync::{self, Look};
use crate::cmd::{Context, list, metadata, status};
use crate::reply::Failure;
use crate::wire::list::StatusItem;
use crate::wire::notify::Events;
use crate::wire::response::{ListLine, Response};
use crate::wire::status::{Code, Status};

/// Tells all that is due while the client waits, in IDLE or between two commands.
pub(crate) async fn while_waiting(context: &mut Context<'_>, waiting: Waiting) -> Result<(), Failure> {
    let news = context.session.notify.selected();
    if waiting == Waiting::InIdle || news.comes_unasked() {
        let expunges = news.expunges(waiting);
        sync::look(context, Look { expunges, always: true }).await?;
    }
    // Whoever waited has taken the wake.
    look_at_others(context).await
}

/// Tells what is due of other mailboxes, if anybody has said that there is something.
pub(crate) async fn look(context: &mut Context<'_>) -> Result<(), Failure> {
    if context.session.notify.was_woken().await { look_at_others(context).await } else { Ok(()) }
}

async fn look_at_others(context: &mut Context<'_>) -> Result<(), Failure> {
    if !context.session.notify.is_about_others() {
        return Ok(());
    }
    let Wishes::Set(mut registration) = std::mem::take(&mut context.session.notify) else { return Ok(()) };
    let told = Box::pin(tell(context, &mut registration)).await;
    context.session.notify = Wishes::Set(registration);
    if told? == Told::TooMuch {
        // RFC 5465 §5.8: from here on as after NOTIFY NONE.
        context.session.notify = Wishes::Nothing;
        let status = Status::ok("too much has changed, look yourself").with(Code::NotificationOverflow);
        status.encode(&mut context.link.out, None);
    }
    Ok(())
}

/// RFC 5465 §3.1: NOTIFY SET STATUS tells how each mailbox stands whose messages are watched.
pub(super) async fn statuses(context: &mut Context<'_>, registration: &Registration) -> Result<(), Failure> {
    let access = context.session.access()?.clone();
    let mailboxes = context.store().mailboxes(&access).await?;
    let shared = elsewhere::readable(context, registration).await?;
    let own = mailboxes.iter().map(|mailbox| {
        (&access, &mailbox.name, mailbox, registration.events(mailbox.name.as_str(), mailbox.subscribed))
    });
    let shared = shared.iter().map(|(shared, name, is_subscribed)| {
        let events = registration.events_elsewhere(name.as_str(), *is_subscribed);
        (&shared.access, name, &shared.mailbox, events)
    });
    let selected = selected(context);
    let is_other = |way: &Access, mailbox: &Mailbox| selected != Some((way.owner(), mailbox.id));
    let watched: Vec<_> = own
        .chain(shared)
        .filter(|(way, _, mailbox, events)| events.messages && is_other(way, mailbox))
        .collect();
    if watched.len() > context.server.options.limits.notify_responses {
        return Err(Failure::refused(Code::NotificationOverflow, "these are too many mailboxes"));
    }
    for (way, name, mailbox, events) in watched {
        let mut items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
        if events.flag_change || context.session.enabled.condstore {
            items.push(StatusItem::HighestModSeq);
        }
        status::tell(context, (way, name.as_str()), mailbox, &items).await?;
        context.link.drain().await?;
    }
    Ok(())
}

/// How telling went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    All,
    TooMuch,
}

async fn tell(context: &mut Context<'_>, registration: &mut Registration) -> Result<Told, Failure> {
    let access = context.session.access()?.clone();
    let Some(log) = Log::read(context, &access, registration.cursor).await? else {
        return Ok(Told::TooMuch);
    };
    let Some(elsewhere) = elsewhere::news(context, registration).await? else { return Ok(Told::TooMuch) };
    let annotations = annotations(context, registration).await?;
    if log.is_empty() && annotations.is_empty() && elsewhere.len() == 0 {
        registration.cursor = log.modseq;
        return Ok(Told::All);
    }
    let mailboxes = context.store().mailboxes(&access).await?;
    let subscribed = context.store().subscribed_names(&access).await?.into_iter().collect();
    let known = Known::new(&mailboxes, subscribed);
    let annotations: Vec<_> = annotations
        .into_iter()
        .filter(|(name, _)| is_annotation_wanted(registration, name.as_ref(), &known))
        .collect();
    let names = wanted_names(registration, &log.names, &known);
    let parents = wanted_parents(registration, (&log.names, &names), &known);
    let counts = wanted_counts(context, registration, (&log, &mailboxes));
    let places = annotations.chunk_by(|(a, _), (b, _)| a == b).count();
    let responses = names.len() + parents.len() + counts.len() + places + elsewhere.len();
    if responses > context.server.options.limits.notify_responses {
        return Ok(Told::TooMuch);
    }
    for change in names {
        let old_name = change.old_name.as_ref().filter(|_| change.now.is_some());
        tell_name(context, (&change.name, change.now.as_ref()), old_name, &known);
        context.link.drain().await?;
    }
    for parent in parents {
        tell_name(context, (&parent, known.mailboxes.get(&parent).copied()), None, &known);
        context.link.drain().await?;
    }
    for (mailbox, items) in counts {
        status::tell(context, (&access, mailbox.name.as_str()), mailbox, &items).await?;
        context.link.drain().await?;
    }
    metadata::tell_changed(context, &annotations).await?;
    elsewhere.tell(context).await?;
    registration.cursor = log.modseq;
    registration.subscribed = known.subscribed;
    Ok(Told::All)
}

/// RFC 5465 §5.6 and §5.7: annotations that others have changed, if any are asked for. To a client that has ENABLEd METADATA
/// they are told all the same, and once is enough.
async fn annotations(
    context: &mut Context<'_>,
    registration: &mut Registration,
) -> Result<Vec<(Option<MailboxName>, EntryName)>, Failure> {
    if !registration.wants(|events| events.mailbox_metadata || events.server_metadata) {
        return Ok(Vec::new());
    }
    if context.session.enabled.metadata.is_some() {
        metadata::tell_changes(context).await?;
        return Ok(Vec::new());
    }
    let access = context.session.access()?;
    let changes = context.store().annotation_changes(access, registration.annotations).await?;
    registration.annotations = changes.modseq;
    Ok(changes.changed)
}

fn is_annotation_wanted(registration: &Registration, name: Option<&MailboxName>, known: &Known<'_>) -> bool {
    match name {
        Some(name) => registration.events(name.as_str(), known.subscribed.contains(name)).mailbox_metadata,
        // RFC 5465 §5.7: whatever mailboxes stand before it.
        None => registration.wants(|events| events.server_metadata),
    }
}

fn wanted_counts<'m>(
    context: &Context<'_>,
    registration: &Registration,
    (log, mailboxes): (&Log, &'m [Mailbox]),
) -> Vec<(&'m Mailbox, Vec<StatusItem>)> {
    let selected = selected(context);
    let condstore = context.session.enabled.condstore;
    let own = context.session.access().ok().map(Access::owner);
    let others = mailboxes.iter().filter(|mailbox| own.map(|own| (own, mailbox.id)) != selected);
    let counts = others.filter_map(|mailbox| {
        let touched = log.touched.get(&mailbox.id)?;
        let events = registration.events(mailbox.name.as_str(), mailbox.subscribed);
        touched.wanted(events).items(condstore).map(|items| (mailbox, items))
    });
    counts.collect()
}

/// The selected mailbox, whose messages are told otherwise, and whose it is.
pub(super) fn selected(context: &Context<'_>) -> Option<(AccountId, MailboxId)> {
    context.session.selected().ok().map(|(way, selected)| (way.owner(), selected.mailbox()))
}

/// What is new in the log.
pub(super) struct Log {
    pub(super) modseq: ModSeq,
    names: Vec<MailboxChange>,
    /// Whether mailboxes have changed, by whomever.
    has_names: bool,
    pub(super) touched: BTreeMap<MailboxId, Touched>,
}

/// What happened to the messages of a mailbox.
#[derive(Clone, Copy, Default)]
pub(super) struct Touched {
    /// Some came or went.
    messages: bool,
    /// Some have other flags.
    flags: bool,
}

impl Log {
    /// Reads on from a cursor to the end, and holds what is told at most: mailboxes. `None` if the log no longer reaches back.
    pub(super) async fn read(
        context: &Context<'_>,
        access: &Access,
        from: ModSeq,
    ) -> store::Result<Option<Self>> {
        let mut log = Self { modseq: from, names: Vec::new(), has_names: false, touched: BTreeMap::new() };
        loop {
            let changes = context.store().changes_since(access, log.modseq, PAGE_CHANGES).await?;
            if !changes.complete {
                return Ok(None);
            }
            let more = changes.more;
            log.take(changes, |origin| origin.session.is_some() && origin.session == access.session());
            if !more {
                return Ok(Some(log));
            }
        }
    }

    fn take(&mut self, changes: AccountChanges, is_own: impl Fn(Origin) -> bool) {
        self.modseq = changes.modseq;
        self.has_names |= !changes.mailboxes.is_empty();
        self.names.extend(changes.mailboxes.into_iter().filter(|change| !is_own(change.origin)));
        for change in
            changes.memberships.iter().filter(|change| came_from_outside(change) || !is_own(change.origin))
        {
            let touched = self.touched.entry(change.mailbox).or_default();
            if change.now.is_some() && change.arrived.is_none() {
                touched.flags = true;
            } else {
                touched.messages = true;
            }
        }
    }

    fn is_empty(&self) -> bool {
        !self.has_names && self.touched.is_empty()
    }
}

/// The log keeps a message's last change only: one that was delivered and then touched by the session came from outside.
fn came_from_outside(change: &MembershipChange) -> bool {
    matches!(change.arrived, Some(Cause::Delivery | Cause::Import | Cause::Admin))
}

impl Touched {
    /// What of it these events are about.
    pub(super) fn wanted(self, events: Events) -> Self {
        Self { messages: self.messages && events.messages, flags: self.flags && events.flag_change }
    }

    /// RFC 5465 §5.1 to §5.3: what STATUS tells of it; `None` for nothing.
    pub(super) fn items(self, condstore: bool) -> Option<Vec<StatusItem>> {
        let mut items = Vec::new();
        if self.messages {
            items.extend([StatusItem::Messages, StatusItem::UidNext]);
        }
        if self.flags {
            items.push(StatusItem::UidValidity);
        }
        if self.flags || (self.messages && condstore) {
            items.push(StatusItem::HighestModSeq);
        }
        (!items.is_empty()).then_some(items)
    }
}

/// The mailboxes as they stand.
struct Known<'k> {
    mailboxes: BTreeMap<&'k MailboxName, &'k Mailbox>,
    /// Names that have others below them.
    parents: BTreeSet<MailboxName>,
    subscribed: BTreeSet<MailboxName>,
}

impl<'k> Known<'k> {
    fn new(mailboxes: &'k [Mailbox], subscribed: BTreeSet<MailboxName>) -> Self {
        let parents = list::parents(mailboxes.iter().map(|mailbox| &mailbox.name));
        let mailboxes = mailboxes.iter().map(|mailbox| (&mailbox.name, mailbox)).collect();
        Self { mailboxes, parents, subscribed }
    }
}

/// The changes of names to tell. RFC 5465 §5.4: those that a parent's RENAME renames with it are not among them.
fn wanted_names<'c>(
    registration: &Registration,
    changes: &'c [MailboxChange],
    known: &Known<'_>,
) -> Vec<&'c MailboxChange> {
    let wanted: Vec<_> =
        changes.iter().filter(|change| is_name_wanted(registration, change, known)).collect();
    let renamed: BTreeSet<(ModSeq, &MailboxName)> =
        wanted.iter().filter_map(|change| Some((change.modseq, change.old_name.as_ref()?))).collect();
    let goes_along = |change: &MailboxChange| {
        let parent = change.old_name.as_ref().and_then(MailboxName::parent);
        parent.is_some_and(|parent| renamed.contains(&(change.modseq, &parent)))
    };
    wanted.into_iter().filter(|change| !goes_along(change)).collect()
}

/// RFC 5465 §5.4: the parents of what was made or deleted, which have got or lost a child, unless they are told of anyway.
fn wanted_parents(
    registration: &Registration,
    (changes, told): (&[MailboxChange], &[&MailboxChange]),
    known: &Known<'_>,
) -> BTreeSet<MailboxName> {
    let told: BTreeSet<&MailboxName> = told.iter().map(|change| &change.name).collect();
    let is_wanted =
        |name: &MailboxName| registration.events(name.as_str(), known.subscribed.contains(name)).mailbox_name;
    let changes = changes.iter().filter(|change| change.created || change.now.is_none());
    let parents = changes.filter_map(|change| change.name.parent());
    parents.filter(|parent| !told.contains(parent) && is_wanted(parent)).collect()
}

fn is_name_wanted(registration: &Registration, change: &MailboxChange, known: &Known<'_>) -> bool {
    let is_about_name = change.created || change.old_name.is_some() || change.now.is_none();
    let is_subscribed = known.subscribed.contains(&change.name);
    let has_subscribed = is_subscribed != registration.subscribed.contains(&change.name);
    // What leaves the watched ones, by a new name or by being unsubscribed, is told of as what enters them.
    let counts_as_subscribed = is_subscribed || has_subscribed;
    let names = [Some(&change.name), change.old_name.as_ref()].into_iter().flatten();
    let events = names.fold(Events::default(), |events, name| {
        events.union(registration.events(name.as_str(), counts_as_subscribed))
    });
    (is_about_name && events.mailbox_name)
        || (events.subscription_change && change.now.is_some() && has_subscribed)
}

// RFC 5465 §5.4 and §5.5: LIST with OLDNAME, \NonExistent, \Subscribed.
fn tell_name(
    context: &mut Context<'_>,
    (name, now): (&MailboxName, Option<&Mailbox>),
    old_name: Option<&MailboxName>,
    known: &Known<'_>,
) {
    let mut attributes = Vec::new();
    if let Some(mailbox) = now {
        attributes.extend(mailbox.special_use.map(attribute_of));
        attributes.push(if known.parents.contains(name) { r"\HasChildren" } else { r"\HasNoChildren" });
    } else {
        attributes.push(r"\NonExistent");
    }
    if known.subscribed.contains(name) {
        attributes.push(r"\Subscribed");
    }
    let old_name = old_name.map(MailboxName::as_str);
    let line = ListLine { attributes: &attributes, name: name.as_str(), child_info: &[], old_name };
    context.untagged(&Response::List(line));
}

/// Changes that are read at once.
const PAGE_CHANGES: usize = 2048;
