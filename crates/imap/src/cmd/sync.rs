//! Tells the client what has changed in the selected mailbox (RFC 9051 §5.2, §7.4.1, §7.5).
//!
//! Level-triggered: whatever the reason to look, the change log is read from where the view stands.

use bus::Watch;
use store::Entry;

use crate::cmd::flags;
use crate::cmd::notify::{self, SelectedNews};
use crate::cmd::search::update;
use crate::cmd::{Context, fetch, metadata};
use crate::reply::Failure;
use crate::session::view::{Expunges, Updates};
use crate::wire::command::Command;
use crate::wire::encode::fetch_line::{FetchForm, FetchLine};
use crate::wire::response::Response;
use crate::wire::set::NumberSet;

/// When to look, and what may be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Whether EXPUNGE may be sent.
    pub(crate) expunges: Expunges,
    /// Whether to look although nobody has said that something changed.
    pub(crate) always: bool,
}

impl Look {
    /// What is due after a command.
    pub(crate) fn after(command: &Command) -> Self {
        use crate::wire::set::Numbering::Seq;
        // RFC 9051 §7.5.1: no EXPUNGE while the client may name messages by number.
        let expunges = match command {
            Command::Fetch(fetch) if fetch.numbering == Seq => Expunges::Hold,
            Command::Store(store) if store.numbering == Seq => Expunges::Hold,
            Command::Search(search) if search.numbering == Seq => Expunges::Hold,
            Command::Sort(sort) if sort.numbering == Seq => Expunges::Hold,
            Command::Thread(thread) if thread.numbering == Seq => Expunges::Hold,
            _ => Expunges::Send,
        };
        // Clients poll with the first three; the others change something, and the wake may come after the answer.
        let always = matches!(
            command,
            Command::Noop
                | Command::Check
                | Command::Idle
                | Command::Append(_)
                | Command::Replace(_)
                | Command::Copy(_)
                | Command::Move(_)
                | Command::Expunge { .. }
                | Command::Rename { .. }
        );
        Self { expunges, always }
    }
}

/// Looks if it is due, and tells what there is: of the selected mailbox, and of others what NOTIFY asked for.
pub(crate) async fn look(context: &mut Context<'_>, look: Look) -> Result<(), Failure> {
    if look.always || is_woken(context.session.metadata_watch.as_mut()).await {
        metadata::tell_changes(context).await?;
    }
    // RFC 5465 §3.1: whether the client wants to know.
    match context.session.notify.selected() {
        SelectedNews::Nothing => overhear(context, look).await?,
        SelectedNews::All | SelectedNews::Some(_) => look_at_selected(context, look).await?,
    }
    notify::tell::look(context).await
}

async fn look_at_selected(context: &mut Context<'_>, look: Look) -> Result<(), Failure> {
    let Ok((_, selected)) = context.session.selected_mut() else { return Ok(()) };
    let is_woken = was_woken(&mut selected.watch).await;
    // A result that is kept up to date is what it is after the command, though the wake may come later.
    let is_due = look.always || is_woken || !selected.updated.is_empty();
    if is_due || (look.expunges == Expunges::Send && selected.view.holds_expunges()) {
        sync(context, look.expunges).await?;
    }
    Ok(())
}

/// Reads the change log and tells nothing: a client that wants no events is still answered with flags as they are.
async fn overhear(context: &mut Context<'_>, look: Look) -> Result<(), Failure> {
    let store = &context.server.store;
    let Ok((access, selected)) = context.session.selected_mut() else { return Ok(()) };
    if !look.always && !was_woken(&mut selected.watch).await {
        return Ok(());
    }
    let mailbox = selected.mailbox();
    let mut changes = match store.mailbox_changes(access, mailbox, selected.view.modseq()).await {
        // What asks for its messages is told.
        Err(store::Error::NotFound(_) | store::Error::Forbidden(_)) => return Ok(()),
        changes => changes?,
    };
    if !changes.complete {
        let full = store.view(access, mailbox).await?;
        changes = selected.view.changes_to(&full);
    }
    selected.view.overhear(&changes);
    if changes.changed.iter().any(|e| !selected.keywords.name_all(e.flags)) {
        learn_keywords(context).await?;
    }
    Ok(())
}

/// Tells what a command has expunged itself to a client that wants to be told of nothing else. All others are told by
/// [`look`], after the command.
pub(crate) async fn tell_own(context: &mut Context<'_>) -> Result<(), Failure> {
    match context.session.notify.selected() {
        SelectedNews::Nothing => sync(context, Expunges::Send).await,
        SelectedNews::All | SelectedNews::Some(_) => Ok(()),
    }
}

/// Reads the change log and tells what it says.
pub(crate) async fn sync(context: &mut Context<'_>, expunges: Expunges) -> Result<(), Failure> {
    let store = &context.server.store;
    let Ok((access, selected)) = context.session.selected_mut() else { return Ok(()) };
    let mailbox = selected.mailbox();
    let mut changes = match store.mailbox_changes(access, mailbox, selected.view.modseq()).await {
        // RFC 4314 §5.1.1: so does one that may be read no longer.
        Err(store::Error::NotFound(_) | store::Error::Forbidden(_)) => return Err(Failure::MailboxGone),
        changes => changes?,
    };
    if !changes.complete {
        let full = store.view(access, mailbox).await?;
        changes = selected.view.changes_to(&full);
    }
    update::tell_leaving(context, &changes.vanished);
    let (access, selected) = context.session.selected_mut()?;
    let is_news = changes.changed.iter().any(|e| !selected.keywords.name_all(e.flags));
    let before = selected.view.exists();
    let updates = selected.view.apply(&changes, expunges);
    if selected.view.is_worn() {
        let full = store.view(access, mailbox).await?;
        selected.view.renew(full);
    }
    if is_news {
        learn_keywords(context).await?;
    }
    tell(context, &updates, before).await?;
    update::tell_changed(context, &changes.changed).await
}

/// Reads the account's keywords again and tells them if there are new ones.
pub(crate) async fn learn_keywords(context: &mut Context<'_>) -> Result<(), Failure> {
    let (access, selected) = context.session.selected()?;
    let keywords = context.store().keywords(access).await?;
    if keywords == selected.keywords {
        return Ok(());
    }
    let permitted = selected.permitted();
    flags::tell(context, &keywords, permitted);
    context.session.selected_mut()?.1.keywords = keywords;
    Ok(())
}

async fn tell(context: &mut Context<'_>, updates: &Updates, before: u32) -> Result<(), Failure> {
    if context.session.tells_vanished() && !updates.vanished.is_empty() {
        // RFC 7162 §3.2.10, RFC 9586 §3.4: instead of EXPUNGE.
        let vanished = NumberSet::from_sorted(updates.vanished.iter().map(|uid| uid.0));
        context.untagged(&Response::Vanished(&vanished));
    } else {
        updates.expunged.iter().for_each(|&seq| context.untagged(&Response::Expunge(seq)));
    }
    if let Some(exists) = updates.exists {
        context.untagged(&Response::Exists(exists));
        // RFC 5465 §5.2: and what the client wants to know of the new ones, but for those that it has put there.
        let items = context.session.notify.selected().items();
        let (_, selected) = context.session.selected_mut()?;
        let own = std::mem::take(&mut selected.own);
        if !items.is_empty() {
            let gone = u32::try_from(updates.expunged.len()).unwrap_or(u32::MAX);
            let first_new = before.saturating_sub(gone).saturating_add(1);
            let own = own.iter().filter_map(|uid| selected.view.seq_of(*uid)).map(|seq| (seq, seq));
            let own = NumberSet::from_ranges(own.collect());
            let new = NumberSet::from_ranges(vec![(first_new, exists)]).minus(&own);
            Box::pin(fetch::tell(context, items, &new)).await?;
        }
    }
    if !context.session.notify.selected().tells_flags() {
        return Ok(());
    }
    let condstore = context.session.enabled.condstore;
    for changed in updates.changed.iter().filter(|changed| changed.flags_differ || condstore) {
        tell_entry(context, changed.seq, changed.entry)?;
        context.link.drain().await?;
    }
    Ok(())
}

/// Tells a message's flags, and with CONDSTORE its MODSEQ, without having been asked.
pub(crate) fn tell_entry(context: &mut Context<'_>, seq: u32, entry: Entry) -> Result<(), Failure> {
    let condstore = context.session.enabled.condstore;
    let form = context.session.fetch_form();
    let (_, selected) = context.session.selected()?;
    let mut line = FetchLine::new(&mut context.link.out, form.number(seq, entry.uid.0), form);
    // RFC 7162 §3.2.4: with the UID.
    if form == FetchForm::Fetch {
        line.uid(entry.uid.0);
    }
    line.flags(flags::names(entry.flags, &selected.keywords));
    if condstore {
        line.modseq(entry.modseq.0);
    }
    line.finish();
    Ok(())
}

async fn is_woken(watch: Option<&mut Watch>) -> bool {
    match watch {
        Some(watch) => was_woken(watch).await,
        None => false,
    }
}

/// Whether a wake has come since the last look, without waiting for one.
pub(super) async fn was_woken(watch: &mut Watch) -> bool {
    tokio::select! {
        biased;
        () = watch.changed() => true,
        () = std::future::ready(()) => false,
    }
}
