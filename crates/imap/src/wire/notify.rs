//! NOTIFY: which events a client wants to be told of, in which mailboxes (RFC 5465 §8).
//!
//! Only the grammar, with the rules that RFC 5465 §5 and §6.1 make part of it: what breaks one is BAD. Events that are
//! not served are read all the same, since they are answered with NO.

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed, SyntaxError};
use crate::wire::fetch::{FETCH_ITEMS_MAX, FetchItem, item};
use crate::wire::mailbox::compared_mailbox;

/// Most event groups in one NOTIFY; more are BAD.
pub const GROUPS_MAX: usize = 256;
/// Most mailbox names in one event group; more are BAD.
pub const NAMES_MAX: usize = 4096;
/// Most events in one event group; more are BAD.
pub const EVENTS_MAX: usize = 16;

/// NOTIFY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// `NONE`: nothing at all.
    None,
    /// `SET`
    Set(NotifySet),
}

/// What the client wants from now on, instead of what it wanted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifySet {
    /// `STATUS`: how the mailboxes stand now is told first.
    pub asks_status: bool,
    /// What of the selected mailbox; `None` is nothing.
    pub selected: Option<SelectedEvents>,
    /// What of the others, in the client's order. The selected mailbox's name and subscription are among it.
    pub others: Vec<EventGroup>,
    /// Whether an event is named that this server does not know of.
    pub has_unsupported: bool,
}

/// `selected` and `selected-delayed` with events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedEvents {
    /// When expunged messages are told.
    pub expunges: ExpungesTold,
    /// What is told of each new message; nothing but that there is one if it is empty.
    pub items: Vec<FetchItem>,
    /// `FlagChange`
    pub flag_change: bool,
}

/// RFC 5465 §6.1: when a client learns of expunged messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpungesTold {
    /// `selected`: at any time.
    AtOnce,
    /// `selected-delayed`: when a command allows it.
    Delayed,
}

/// One event group about other mailboxes than the selected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventGroup {
    /// Which mailboxes.
    pub filter: MailboxFilter,
    /// What of them.
    pub events: Events,
}

/// Which mailboxes (RFC 5465 §6.2 to §6.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxFilter {
    /// Those that mail may be delivered to.
    Inboxes,
    /// All in the user's own namespace.
    Personal,
    /// Those that the user is subscribed to.
    Subscribed,
    /// These and all below them, in UTF-8.
    Subtree(Vec<String>),
    /// These, in UTF-8.
    Mailboxes(Vec<String>),
}

/// Events of other mailboxes than the selected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events {
    /// `MessageNew` and `MessageExpunge`, which come together only.
    pub messages: bool,
    /// `FlagChange`
    pub flag_change: bool,
    /// `MailboxName`
    pub mailbox_name: bool,
    /// `SubscriptionChange`
    pub subscription_change: bool,
    /// `MailboxMetadataChange`
    pub mailbox_metadata: bool,
    /// `ServerMetadataChange`
    pub server_metadata: bool,
}

// notify = "NOTIFY" SP (notify-set / notify-none)
// notify-set = "SET" [status-indicator] SP event-groups
/// The arguments of NOTIFY.
pub fn notify(cursor: &mut Cursor<'_>) -> Parsed<Notify> {
    if cursor.eat_word("NONE") {
        cursor.end()?;
        return Ok(Notify::None);
    }
    if !cursor.eat_word("SET") {
        return Err(cursor.expected("SET or NONE"));
    }
    cursor.sp()?;
    let asks_status = cursor.eat_text("STATUS ");
    let mut set = NotifySet { asks_status, selected: None, others: Vec::new(), has_unsupported: false };
    let mut named_selected = false;
    for count in 1.. {
        if count > GROUPS_MAX {
            return Err(cursor.invalid("there are too many event groups"));
        }
        let start = cursor.clone();
        let (filter, events) = event_group(cursor)?;
        set.has_unsupported |= events.unsupported;
        match filter {
            // RFC 5465 §6.1: only one of the two, and once.
            Filter::Selected(_) if named_selected => {
                return Err(start.invalid("the selected mailbox is named twice"));
            }
            Filter::Selected(expunges) => {
                named_selected = true;
                set.selected = events.of_selected(expunges, &start)?;
            }
            Filter::Others(filter) => {
                set.others.push(EventGroup { filter, events: events.of_others(&start)? });
            }
        }
        if !cursor.eat(b' ') {
            break;
        }
    }
    cursor.end()?;
    Ok(Notify::Set(set))
}

enum Filter {
    Selected(ExpungesTold),
    Others(MailboxFilter),
}

/// The events of a group as they were named.
#[derive(Default)]
struct Named {
    new: Option<Vec<FetchItem>>,
    expunge: bool,
    flag_change: bool,
    annotation_change: bool,
    mailbox_name: bool,
    subscription_change: bool,
    mailbox_metadata: bool,
    server_metadata: bool,
    unsupported: bool,
}

// event-group = "(" filter-mailboxes SP events ")"
// events = ("(" event *(SP event) ")") / "NONE"
fn event_group(cursor: &mut Cursor<'_>) -> Parsed<(Filter, Named)> {
    cursor.expect(b'(', "an event group in parentheses")?;
    let filter = filter(cursor)?;
    cursor.sp()?;
    let start = cursor.clone();
    let mut named = Named::default();
    if !cursor.eat_word("NONE") {
        cursor.list(ListBounds { max: EVENTS_MAX, empty: Empty::Refused }, |cursor| {
            event(cursor, &mut named)
        })?;
    }
    named.check(&start)?;
    cursor.expect(b')', "the end of the event group")?;
    Ok((filter, named))
}

// filter-mailboxes = filter-mailboxes-selected / filter-mailboxes-other
fn filter(cursor: &mut Cursor<'_>) -> Parsed<Filter> {
    let start = cursor.clone();
    Ok(match cursor.keyword("a mailbox specifier")?.as_str() {
        "SELECTED" => Filter::Selected(ExpungesTold::AtOnce),
        "SELECTED-DELAYED" => Filter::Selected(ExpungesTold::Delayed),
        "INBOXES" => Filter::Others(MailboxFilter::Inboxes),
        "PERSONAL" => Filter::Others(MailboxFilter::Personal),
        "SUBSCRIBED" => Filter::Others(MailboxFilter::Subscribed),
        "SUBTREE" => Filter::Others(MailboxFilter::Subtree(one_or_more_mailbox(cursor)?)),
        "MAILBOXES" => Filter::Others(MailboxFilter::Mailboxes(one_or_more_mailbox(cursor)?)),
        _ => return Err(start.invalid("there is no such mailbox specifier")),
    })
}

// one-or-more-mailbox = mailbox / many-mailboxes
// many-mailboxes = "(" mailbox *(SP mailbox) ")"
pub(in crate::wire) fn one_or_more_mailbox(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.sp()?;
    if cursor.peek() == Some(b'(') {
        cursor.list(ListBounds { max: NAMES_MAX, empty: Empty::Refused }, compared_mailbox)
    } else {
        compared_mailbox(cursor).map(|name| vec![name])
    }
}

// event = message-event / mailbox-event / user-event / event-ext
// message-event = ("MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]) / "MessageExpunge" / "FlagChange" /
//                 "AnnotationChange"
fn event(cursor: &mut Cursor<'_>, named: &mut Named) -> Parsed<()> {
    match cursor.keyword("an event")?.as_str() {
        "MESSAGENEW" => {
            let mut after = cursor.clone();
            let mut items = Vec::new();
            if after.eat(b' ') && after.peek() == Some(b'(') {
                items = after.list(ListBounds { max: FETCH_ITEMS_MAX, empty: Empty::Refused }, item)?;
                *cursor = after;
            }
            named.new = Some(items);
        }
        "MESSAGEEXPUNGE" => named.expunge = true,
        "FLAGCHANGE" => named.flag_change = true,
        "ANNOTATIONCHANGE" => (named.annotation_change, named.unsupported) = (true, true),
        "MAILBOXNAME" => named.mailbox_name = true,
        "SUBSCRIPTIONCHANGE" => named.subscription_change = true,
        "MAILBOXMETADATACHANGE" => named.mailbox_metadata = true,
        "SERVERMETADATACHANGE" => named.server_metadata = true,
        _ => named.unsupported = true,
    }
    Ok(())
}

impl Named {
    /// RFC 5465 §5: which events come only with others.
    fn check(&self, start: &Cursor<'_>) -> Result<(), SyntaxError> {
        if self.new.is_some() != self.expunge {
            return Err(start.invalid("MessageNew and MessageExpunge come together"));
        }
        if (self.flag_change || self.annotation_change) && !self.expunge {
            return Err(start.invalid("FlagChange and AnnotationChange need MessageNew and MessageExpunge"));
        }
        Ok(())
    }

    fn of_selected(
        self,
        expunges: ExpungesTold,
        start: &Cursor<'_>,
    ) -> Result<Option<SelectedEvents>, SyntaxError> {
        // RFC 5465 §6.1: only events of messages.
        let of_others = self.mailbox_name || self.subscription_change;
        if of_others || self.mailbox_metadata || self.server_metadata {
            return Err(start.invalid("the selected mailbox has only events of messages"));
        }
        let flag_change = self.flag_change;
        Ok(self.new.map(|items| SelectedEvents { expunges, items, flag_change }))
    }

    fn of_others(self, start: &Cursor<'_>) -> Result<Events, SyntaxError> {
        // RFC 5465 §5.2: attributes are told of messages in the selected mailbox.
        if self.new.as_ref().is_some_and(|items| !items.is_empty()) {
            return Err(start.invalid("only the selected mailbox has attributes after MessageNew"));
        }
        Ok(Events {
            messages: self.expunge,
            flag_change: self.flag_change,
            mailbox_name: self.mailbox_name,
            subscription_change: self.subscription_change,
            mailbox_metadata: self.mailbox_metadata,
            server_metadata: self.server_metadata,
        })
    }
}

impl Events {
    /// Those of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            messages: self.messages || other.messages,
            flag_change: self.flag_change || other.flag_change,
            mailbox_name: self.mailbox_name || other.mailbox_name,
            subscription_change: self.subscription_change || other.subscription_change,
            mailbox_metadata: self.mailbox_metadata || other.mailbox_metadata,
            server_metadata: self.server_metadata || other.server_metadata,
        }
    }
}

impl MailboxFilter {
    /// Whether a mailbox is meant, by its name in UTF-8 and whether the user is subscribed to it.
    #[must_use]
    pub fn matches(&self, name: &str, is_subscribed: bool) -> bool {
        match self {
            // RFC 5465 §6.3: any mailbox may get mail (sub-addresses), so these are the personal ones.
            Self::Inboxes | Self::Personal => true,
            Self::Subscribed => is_subscribed,
            Self::Subtree(roots) => roots.iter().any(|root| is_in(name, root)),
            Self::Mailboxes(names) => names.iter().any(|named| named == name),
        }
    }

    /// Whether it is about the user's own namespace alone (RFC 5465 §6.2 and §6.3).
    #[must_use]
    pub fn is_personal(&self) -> bool {
        matches!(self, Self::Inboxes | Self::Personal)
    }

    /// How many names it holds.
    #[must_use]
    pub fn names(&self) -> usize {
        match self {
            Self::Inboxes | Self::Personal | Self::Subscribed => 0,
            Self::Subtree(names) | Self::Mailboxes(names) => names.len(),
        }
    }
}

fn is_in(name: &str, root: &str) -> bool {
    name.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
