//! What a push says of others' mailboxes: of those that the user is subscribed to, and may read when it is composed.
//!
//! Being subscribed is the user's consent: else anybody who gives rights could have the user's phone ring. That such a
//! mailbox was made, renamed or deleted, or is shared no longer, is not told: its name is told only with what is new in it.
//!
//! # Invariants
//! - What happens while a mailbox may not be read is passed over: it is not told later either.
//! - Ids of mailboxes and messages are an account's own: nothing here is looked up by the id of another's.

use std::collections::BTreeSet;

use notifier::compose::{Assignment, Detail, Known};
use store::{
    Access, AccountId, CursorsElsewhere, Error, Flags, Keywords, Mailbox, MailboxName, ModSeq, Rights,
    SharedMailbox, Store,
};

use crate::push::fit::{Draft, Section};
use crate::push::line::{self, Style};
use crate::push::news::{News, Reader};
use crate::push::{SilentMailboxes, Writer, read_log};

/// What is told of others' mailboxes.
#[derive(Default)]
pub(super) struct Elsewhere {
    pub(super) draft: Draft,
    pub(super) announces_mail: bool,
    /// Where the device stands then.
    pub(super) cursors: CursorsElsewhere,
    pub(super) more: bool,
}

/// Reads the logs of those for whom there are cursors.
pub(super) async fn compose(
    store: &Store,
    assignment: &Assignment<'_>,
    silent: &SilentMailboxes,
) -> store::Result<Elsewhere> {
    let mut told = Elsewhere::default();
    let cursors = &assignment.subscription.elsewhere;
    if cursors.is_empty() {
        return Ok(told);
    }
    let subscribed: BTreeSet<MailboxName> =
        store.subscribed_names(assignment.access).await?.into_iter().collect();
    let shared = store.shared_mailboxes(assignment.access).await?;
    for (owner, from) in cursors.iter() {
        let now = match store.modseq(&store.system_access(owner)).await {
            Err(Error::NotFound(_)) => continue,
            now => now?,
        };
        if now <= from {
            continue;
        }
        let audible = audible(&shared, owner, (&subscribed, silent));
        let Some((way, mailboxes)) = audible else {
            told.cursors.note(owner, now);
            continue;
        };
        match (Look { store, assignment, way, mailboxes }).at(from, &mut told).await {
            // A right was taken away, or a mailbox deleted, since it was looked at: the next look finds out.
            Err(Error::NotFound(_) | Error::Forbidden(_)) => {}
            looked => looked?,
        }
    }
    Ok(told)
}

/// The way to an owner's mailboxes, and those that may ring, by the names that they have for the user.
fn audible<'s>(
    shared: &'s [SharedMailbox],
    owner: AccountId,
    (subscribed, silent): (&BTreeSet<MailboxName>, &SilentMailboxes),
) -> Option<(&'s Access, Vec<Mailbox>)> {
    let of_owner = shared.iter().filter(|shared| shared.access.owner() == owner);
    let audible =
        of_owner.filter(|shared| shared.rights.contains(Rights::READ) && !silent.contains(&shared.mailbox));
    let named = audible.filter_map(|shared| {
        let name = shared.known_name().filter(|name| subscribed.contains(name))?;
        Some((&shared.access, Mailbox { name, ..shared.mailbox.clone() }))
    });
    let (ways, mailboxes): (Vec<_>, Vec<_>) = named.unzip();
    Some((*ways.first()?, mailboxes))
}

/// One look at what is new with one owner.
struct Look<'l> {
    store: &'l Store,
    assignment: &'l Assignment<'l>,
    way: &'l Access,
    mailboxes: Vec<Mailbox>,
}

impl Look<'_> {
    async fn at(&self, from: ModSeq, told: &mut Elsewhere) -> store::Result<()> {
        let Self { store, assignment, way, mailboxes } = self;
        let style = Style { owner: Some(way.owner().0), ..Style::of(&assignment.subscription.enabled) };
        let mut log = read_log(store, way, from).await?;
        if !log.changes.complete {
            let now = store.modseq(way).await?;
            let sections =
                mailboxes.iter().map(|mailbox| Section::unspecified(line::select(&mailbox.name, style)));
            told.draft.sections.extend(sections);
            told.cursors.note(way.owner(), now.max(log.changes.modseq));
            return Ok(());
        }
        log.changes.mailboxes.clear();
        let keywords = self.keywords(&log.changes.memberships).await?;
        // What a connection has shown is known of own mailboxes only.
        let known = Known { own_sessions: assignment.known.own_sessions.clone(), ..Known::default() };
        let mut news = News::sort(
            &log.changes,
            &Reader { mailboxes, keywords: &keywords, known: &known, is_silent: &|_: &Mailbox| false },
        );
        news.name_keywords();
        let detail = if log.pages > 1 { Detail::Summary } else { assignment.detail };
        let writer = Writer { store, access: way, style, keywords: &keywords };
        told.draft.append(writer.draft(&news, detail).await?);
        told.announces_mail |= news.announces_mail;
        told.cursors.note(way.owner(), log.changes.modseq);
        told.more |= log.changes.more;
        Ok(())
    }

    /// Read only if any are needed: finding out which ones the user may know costs what the mailboxes hold.
    async fn keywords(&self, changes: &[store::MembershipChange]) -> store::Result<Keywords> {
        let entries = changes.iter().filter_map(|change| change.now);
        let needed = entries.fold(Flags::default(), |flags, entry| flags.union(entry.flags));
        if needed.0 >> Flags::SYSTEM_BITS == 0 {
            return Ok(Keywords::default());
        }
        self.store.keywords(self.way).await
    }
}
