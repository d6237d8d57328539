//! Tells what NOTIFY asked for of other mailboxes than the selected one (RFC 5465 §5): STATUS for messages, LIST for names
//! and subscriptions.
//!
//! What the session has done itself is not told: its client knows. The selected mailbox's messages are left to
//! [`sync`](crate::cmd::sync).

use std::collections::{BTreeMap, BTreeSet};

use store::{
    Access, AccountChanges, Cause, Mailbox, MailboxChange, MailboxId, MailboxName, MembershipChange, ModSeq,
    Origin,
};

use crate::cmd::create::attribute_of;
use crate::cmd::notify::{Registration, Waiting, Wishes};
use crate::cmd::sync::{self, Look};
use crate::cmd::{Context, status};
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
    let Some(watch) = context.session.notify.watch_mut() else { return Ok(()) };
    if sync::was_woken(watch).await { look_at_others(context).await } else { Ok(()) }
}

async fn look_at_others(context: &mut Context<'_>) -> Result<(), Failure> {
    if context.session.notify.watch_mut().is_none() {
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
    let access = context.session.access()?;
    let mailboxes = context.store().mailboxes(access).await?;
    let selected = selected(context);
    let watched: Vec<_> = mailboxes
        .iter()
        .filter(|mailbox| Some(mailbox.id) != selected)
        .map(|mailbox| (mailbox, registration.events(mailbox.name.as_str(), mailbox.subscribed)))
        .filter(|(_, events)| events.messages)
        .collect();
    if watched.len() > context.server.options.limits.notify_responses {
        return Err(Failure::refused(Code::NotificationOverflow, "these are too many mailboxes"));
    }
    for (mailbox, events) in watched {
        let mut items = vec![StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
        if events.flag_change || context.session.enabled.condstore {
            items.push(StatusItem::HighestModSeq);
        }
        status::tell(context, mailbox, &items).await?;
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
    if log.is_empty() {
        registration.cursor = log.modseq;
        return Ok(Told::All);
    }
    let mailboxes = context.store().mailboxes(&access).await?;
    let subscribed = context.store().subscribed_names(&access).await?.into_iter().collect();
    let known = Known { mailboxes: &mailboxes, subscribed };
    let names: Vec<_> =
        log.names.iter().filter(|change| is_name_wanted(registration, change, &known)).collect();
    let selected = selected(context);
    let condstore = context.session.enabled.condstore;
    let counts: Vec<_> = mailboxes
        .iter()
        .filter(|mailbox| Some(mailbox.id) != selected)
        .filter_map(|mailbox| {
            let touched = log.touched.get(&mailbox.id)?;
            let events = registration.events(mailbox.name.as_str(), mailbox.subscribed);
            let wanted = Touched {
                messages: touched.messages && events.messages,
                flags: touched.flags && events.flag_change,
            };
            wanted.items(condstore).map(|items| (mailbox, items))
        })
        .collect();
    if names.len() + counts.len() > context.server.options.limits.notify_responses {
        return Ok(Told::TooMuch);
    }
    for change in names {
        tell_name(context, change, &known);
        context.link.drain().await?;
    }
    for (mailbox, items) in counts {
        status::tell(context, mailbox, &items).await?;
        context.link.drain().await?;
    }
    registration.cursor = log.modseq;
    Ok(Told::All)
}

/// The selected mailbox, whose messages are told otherwise.
fn selected(context: &Context<'_>) -> Option<MailboxId> {
    context.session.selected().ok().map(|(_, selected)| selected.mailbox())
}

/// What is new in the log.
struct Log {
    modseq: ModSeq,
    names: Vec<MailboxChange>,
    touched: BTreeMap<MailboxId, Touched>,
}

/// What happened to the messages of a mailbox.
#[derive(Clone, Copy, Default)]
struct Touched {
    /// Some came or went.
    messages: bool,
    /// Some have other flags.
    flags: bool,
}

impl Log {
    /// Reads on from a cursor; `None` if that does not reach the end.
    async fn read(context: &Context<'_>, access: &Access, from: ModSeq) -> Result<Option<Self>, Failure> {
        let mut log = Self { modseq: from, names: Vec::new(), touched: BTreeMap::new() };
        for _ in 0..PAGES_MAX {
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
        Ok(None)
    }

    fn take(&mut self, changes: AccountChanges, is_own: impl Fn(Origin) -> bool) {
        self.modseq = changes.modseq;
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
        self.names.is_empty() && self.touched.is_empty()
    }
}

/// The log keeps a message's last change only: one that was delivered and then touched by the session came from outside.
fn came_from_outside(change: &MembershipChange) -> bool {
    matches!(change.arrived, Some(Cause::Delivery | Cause::Import | Cause::Admin))
}

impl Touched {
    /// RFC 5465 §5.1 to §5.3: what STATUS tells of it; `None` for nothing.
    fn items(self, condstore: bool) -> Option<Vec<StatusItem>> {
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
    mailboxes: &'k [Mailbox],
    subscribed: BTreeSet<MailboxName>,
}

impl Known<'_> {
    fn has_children(&self, name: &MailboxName) -> bool {
        self.mailboxes.iter().filter_map(|mailbox| mailbox.name.parent()).any(|parent| parent == *name)
    }
}

fn is_name_wanted(registration: &Registration, change: &MailboxChange, known: &Known<'_>) -> bool {
    let is_about_name = change.created || change.old_name.is_some() || change.now.is_none();
    let is_subscribed = known.subscribed.contains(&change.name);
    // What leaves the watched ones, by a new name or by being unsubscribed, is told of as what enters them.
    let counts_as_subscribed = is_subscribed || !is_about_name;
    let names = [Some(&change.name), change.old_name.as_ref()].into_iter().flatten();
    let events = names.fold(Events::default(), |events, name| {
        events.union(registration.events(name.as_str(), counts_as_subscribed))
    });
    (is_about_name && events.mailbox_name)
        || (events.subscription_change && change.now.is_some() && (!is_about_name || is_subscribed))
}

// RFC 5465 §5.4 and §5.5: LIST with OLDNAME, \NonExistent, \Subscribed.
fn tell_name(context: &mut Context<'_>, change: &MailboxChange, known: &Known<'_>) {
    let mut attributes = Vec::new();
    if let Some(mailbox) = &change.now {
        attributes.extend(mailbox.special_use.map(attribute_of));
        attributes.push(if known.has_children(&change.name) { r"\HasChildren" } else { r"\HasNoChildren" });
    } else {
        attributes.push(r"\NonExistent");
    }
    if known.subscribed.contains(&change.name) {
        attributes.push(r"\Subscribed");
    }
    let old_name = change.old_name.as_ref().filter(|_| change.now.is_some()).map(MailboxName::as_str);
    let line = ListLine { attributes: &attributes, name: change.name.as_str(), child_info: &[], old_name };
    context.untagged(&Response::List(line));
}

/// Changes that are read at once.
const PAGE_CHANGES: usize = 2048;
/// So many pages at one look; a client that is further behind is told to look itself.
const PAGES_MAX: usize = 8;
