//! NOTIFY (RFC 5465): which changes a client is told of without asking, and in which mailboxes.
//!
//! Here: the command, and what it leaves in the session. When and how changes are told is in [`tell`], of others' mailboxes
//! in [`elsewhere`], but for those of the selected mailbox, which [`sync`] tells.
//!
//! Invariants: nothing is queued for a change. A session keeps a cursor in the account's log and reads from it what is new,
//! so a client that does not read costs no memory; what is too much for one look ends with NOTIFICATIONOVERFLOW.

use std::collections::BTreeSet;
use std::task::Poll;

use bus::Watch;
use store::{MailboxName, ModSeq};

use crate::cmd::notify::elsewhere::Elsewhere;
use crate::cmd::sync::{self, Look};
use crate::cmd::{Context, Done, done, enable};
use crate::reply::Failure;
use crate::session::view::Expunges;
use crate::wire::fetch::{FetchItem, Seen};
use crate::wire::notify::{EventGroup, Events, ExpungesTold, Notify, NotifySet, SelectedEvents};
use crate::wire::status::Code;

mod elsewhere;
pub(crate) mod tell;

/// What NOTIFY has set for this connection.
#[derive(Debug, Default)]
pub(crate) enum Wishes {
    /// No NOTIFY: the selected mailbox's changes are told during commands.
    #[default]
    Unset,
    /// NOTIFY NONE.
    Nothing,
    /// NOTIFY SET.
    Set(Box<Registration>),
}

/// What NOTIFY SET asked for.
#[derive(Debug)]
pub(crate) struct Registration {
    selected: Option<SelectedEvents>,
    others: Vec<EventGroup>,
    /// Says when the account has changed.
    watch: Watch,
    /// Up to where the log has been told.
    cursor: ModSeq,
    /// Up to where changed annotations have been told.
    annotations: ModSeq,
    /// What the user was subscribed to at the last look: the log does not say which changes are about that.
    subscribed: BTreeSet<MailboxName>,
    /// Whose mailboxes are watched besides the user's own.
    elsewhere: Elsewhere,
}

/// Where the client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// In IDLE.
    InIdle,
    /// Between two commands.
    BetweenCommands,
}

/// What the client is to be told of the selected mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SelectedNews<'w> {
    /// All, as without NOTIFY.
    All,
    /// Nothing but what its own commands do.
    Nothing,
    /// These events.
    Some(&'w SelectedEvents),
}

impl Wishes {
    /// What to tell of the selected mailbox.
    pub(crate) fn selected(&self) -> SelectedNews<'_> {
        match self {
            Self::Unset => SelectedNews::All,
            Self::Nothing => SelectedNews::Nothing,
            Self::Set(registration) => {
                registration.selected.as_ref().map_or(SelectedNews::Nothing, SelectedNews::Some)
            }
        }
    }

    /// Whether anything is wanted of other mailboxes than the selected one.
    pub(crate) fn is_about_others(&self) -> bool {
        matches!(self, Self::Set(registration) if !registration.others.is_empty())
    }

    /// Waits until there may be something to tell of other mailboxes than the selected one; for ever if nothing is wanted.
    /// Cancel-safe: a wake that is not waited for to its end is kept.
    pub(crate) async fn woken(&mut self) {
        let mut waits: Vec<_> = self.watches().map(|watch| Box::pin(watch.changed())).collect();
        std::future::poll_fn(|task| {
            let is_woken = waits.iter_mut().any(|wait| wait.as_mut().poll(task).is_ready());
            if is_woken { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether a wake has come since the last look, without waiting for one.
    pub(crate) async fn was_woken(&mut self) -> bool {
        let mut is_woken = false;
        for watch in self.watches() {
            is_woken |= sync::was_woken(watch).await;
        }
        is_woken
    }

    fn watches(&mut self) -> impl Iterator<Item = &mut Watch> {
        let registration = match self {
            Self::Set(registration) if !registration.others.is_empty() => Some(registration),
            _ => None,
        };
        registration.into_iter().flat_map(|registration| {
            std::iter::once(&mut registration.watch).chain(registration.elsewhere.watches())
        })
    }
}

impl SelectedNews<'_> {
    /// Whether changes are told although no command runs.
    pub(crate) fn comes_unasked(self) -> bool {
        matches!(self, Self::Some(_))
    }

    /// Whether EXPUNGE may be told while the client waits. RFC 5465 §4: IDLE is a command that allows it.
    pub(crate) fn expunges(self, waiting: Waiting) -> Expunges {
        match (self, waiting) {
            (Self::Some(events), Waiting::BetweenCommands) if events.expunges == ExpungesTold::Delayed => {
                Expunges::Hold
            }
            _ => Expunges::Send,
        }
    }

    /// Whether flags that others change are told.
    pub(crate) fn tells_flags(self) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Some(events) => events.flag_change,
        }
    }

    /// What is told of new messages besides their number.
    pub(crate) fn items(self) -> Vec<FetchItem> {
        match self {
            Self::Some(events) => events.items.clone(),
            Self::All | Self::Nothing => Vec::new(),
        }
    }
}

impl Registration {
    /// The events that are wanted of a mailbox: those of all groups that mean it, and none if one of them says NONE
    /// (RFC 5465 §8).
    fn events(&self, name: &str, is_subscribed: bool) -> Events {
        combined(self.others.iter().filter(|group| group.filter.matches(name, is_subscribed)))
    }

    /// The same of another's mailbox, by the name that it has for the user.
    fn events_elsewhere(&self, name: &str, is_subscribed: bool) -> Events {
        let groups = self.others.iter().filter(|group| !group.filter.is_personal());
        combined(groups.filter(|group| group.filter.matches(name, is_subscribed)))
    }

    /// Whether any group may mean others' mailboxes.
    fn reaches_elsewhere(&self) -> bool {
        self.others.iter().any(|group| !group.filter.is_personal())
    }

    /// Whether any group names such an event.
    fn wants(&self, event: impl Fn(Events) -> bool) -> bool {
        self.others.iter().any(|group| event(group.events))
    }
}

fn combined<'g>(mut groups: impl Iterator<Item = &'g EventGroup>) -> Events {
    let wanted = groups.try_fold(Events::default(), |events, group| {
        (group.events != Events::default()).then(|| events.union(group.events))
    });
    wanted.unwrap_or_default()
}

/// The command. What it refuses leaves the former settings in force.
pub(crate) async fn run(context: &mut Context<'_>, notify: Notify) -> Result<Done, Failure> {
    let access = context.session.access()?.clone();
    if let Notify::Set(set) = &notify {
        check(context, set)?;
    }
    // RFC 5465 §3.1: what has changed before is told as if NOOP had come.
    tell_accumulated(context, &notify).await?;
    let Notify::Set(mut set) = notify else {
        context.session.notify = Wishes::Nothing;
        return done("NOTIFY");
    };
    if let Some(selected) = &mut set.selected {
        selected.items.iter_mut().for_each(keep_unseen);
        if selected.items.contains(&FetchItem::ModSeq) {
            enable::condstore(context);
        }
    }
    // Watched from before the log is looked at, so that no change falls between the two.
    let watch = context.server.bus.watch(access.owner().0);
    let cursor = context.store().modseq(&access).await?;
    let subscribed = context.store().subscribed_names(&access).await?.into_iter().collect();
    let mut registration = Registration {
        selected: set.selected,
        others: set.others,
        watch,
        cursor,
        annotations: cursor,
        subscribed,
        elsewhere: Elsewhere::default(),
    };
    // From here on: what others' mailboxes are called now, and what is in them, the client finds out by itself.
    let _known = elsewhere::news(context, &mut registration).await?;
    if set.asks_status {
        tell::statuses(context, &registration).await?;
    }
    context.session.notify = Wishes::Set(Box::new(registration));
    done("NOTIFY")
}

async fn tell_accumulated(context: &mut Context<'_>, notify: &Notify) -> Result<(), Failure> {
    sync::look(context, Look { expunges: Expunges::Send, always: true }).await?;
    let begins = matches!(notify, Notify::Set(set) if set.selected.is_some());
    if !begins || !matches!(context.session.notify.selected(), SelectedNews::Nothing) {
        return Ok(());
    }
    // Nothing was told while nothing was wanted.
    let former = std::mem::take(&mut context.session.notify);
    let told = sync::sync(context, Expunges::Send).await;
    context.session.notify = former;
    told
}

fn check(context: &Context<'_>, set: &NotifySet) -> Result<(), Failure> {
    if set.has_unsupported {
        // RFC 5465 §3.1: with the events that there are.
        return Err(Failure::refused(Code::BadEvent(&EVENTS), "there is no such event here"));
    }
    let names: usize = set.others.iter().map(|group| group.filter.names()).sum();
    if names > context.server.options.limits.notify_mailboxes {
        return Err(Failure::refused(Code::NotificationOverflow, "these are too many mailboxes"));
    }
    Ok(())
}

/// Being told of a message does not mean that anybody has read it (RFC 5465 §5.2 advises against such items).
fn keep_unseen(item: &mut FetchItem) {
    match item {
        FetchItem::Section(section) => section.seen = Seen::Keep,
        FetchItem::Binary(binary) => binary.seen = Seen::Keep,
        _ => {}
    }
}

/// The events that are served. RFC 5465 §5.1 AnnotationChange (not done: there are no annotations of messages).
const EVENTS: [&str; 7] = [
    "MessageNew",
    "MessageExpunge",
    "FlagChange",
    "MailboxName",
    "SubscriptionChange",
    "MailboxMetadataChange",
    "ServerMetadataChange",
];
