//! STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3, RFC 9738 §3.1).

use store::{Entry, FlagChange, Flags, Keywords, ModSeq, Uid};

use crate::cmd::batch::{Batches, WRITE_BATCH, seqs_of, uids};
use crate::cmd::{Context, Done, enable, flags, message_limit, sync};
use crate::reply::Failure;
use crate::wire::command::{Store, StoreAnswer, StoreOperation};
use crate::wire::encode::fetch_line::{FetchForm, FetchLine};
use crate::wire::set::{NumberSet, Numbering};
use crate::wire::status::{Code, Status};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, command: Store) -> Result<Done, Failure> {
    context.session.selected_for_change()?;
    if command.unchanged_since.is_some() {
        enable::condstore(context);
    }
    let (_, selected) = context.session.selected_for_change()?;
    let seqs = seqs_of(&selected.view, &command.set, command.numbering)?;
    let limit = context.server.options.limits.message_limit;
    let (seqs, cut) = message_limit::newest(limit, &selected.view, seqs);
    let mut batches = Batches::of(&seqs);
    let change = change(&command);
    let mut outcome = Outcome::default();
    loop {
        let (access, selected) = context.session.selected_for_change()?;
        let Some(batch) = batches.next(&selected.view, WRITE_BATCH) else { break };
        let unchanged_since = command.unchanged_since.map(ModSeq);
        let stored = context.store().store_flags(
            access,
            selected.mailbox(),
            uids(&batch),
            change.clone(),
            unchanged_since,
        );
        let (entries, modified, _changes) = stored.await?;
        outcome.missing |=
            command.numbering == Numbering::Seq && entries.len() + modified.len() < batch.len();
        let numbered = |uid: &Uid| batch.iter().find(|(_, entry)| entry.uid == *uid).map(|(seq, _)| *seq);
        outcome.modified.extend(match command.numbering {
            Numbering::Uid => modified.iter().map(|uid| uid.0).collect::<Vec<_>>(),
            Numbering::Seq => modified.iter().filter_map(numbered).collect(),
        });
        answer(context, (&command, &change), &entries).await?;
    }
    Ok(Done::Status(message_limit::told(context, outcome.status(), cut)))
}

fn change(command: &Store) -> FlagChange {
    let (bits, keywords) = flags::to_store(command.flags.clone());
    match command.operation {
        StoreOperation::Add => FlagChange { add: bits, add_keywords: keywords, ..FlagChange::default() },
        StoreOperation::Remove => {
            FlagChange { remove: bits, remove_keywords: keywords, ..FlagChange::default() }
        }
        StoreOperation::Replace => FlagChange {
            add: bits,
            add_keywords: keywords,
            remove: Flags(u128::MAX),
            ..FlagChange::default()
        },
    }
}

/// Notes the new flags, and tells them unless the client asked for silence.
async fn answer(
    context: &mut Context<'_>,
    (command, change): (&Store, &FlagChange),
    entries: &[Entry],
) -> Result<(), Failure> {
    let (_, selected) = context.session.selected()?;
    if entries.iter().any(|entry| !selected.keywords.name_all(entry.flags)) {
        sync::learn_keywords(context).await?;
    }
    let condstore = context.session.enabled.condstore;
    // RFC 7162 §3.2.4: QRESYNC wants UIDs in what is told without FETCH.
    let form = context.session.fetch_form();
    let tells_uid =
        form == FetchForm::Fetch && (command.numbering == Numbering::Uid || context.session.enabled.qresync);
    for entry in entries {
        let (_, selected) = context.session.selected_mut()?;
        let Some(seq) = selected.view.seq_of(entry.uid) else { continue };
        let known = selected.view.entry(seq).map_or(entry.flags, |known| known.flags);
        selected.view.learn(*entry);
        // A client that asked for silence works the flags out from what it knows: not if others have changed them.
        let tells_flags =
            command.answer == StoreAnswer::Flags || changed(known, change, &selected.keywords) != entry.flags;
        // RFC 7162 §3.1.3: with CONDSTORE even .SILENT tells the new MODSEQ.
        if !tells_flags && !condstore {
            continue;
        }
        let mut line = FetchLine::new(&mut context.link.out, form.number(seq, entry.uid.0), form);
        if tells_uid {
            line.uid(entry.uid.0);
        }
        if tells_flags {
            line.flags(flags::names(entry.flags, &selected.keywords));
        }
        if condstore {
            line.modseq(entry.modseq.0);
        }
        line.finish();
        context.link.drain().await?;
    }
    Ok(())
}

/// What becomes of flags that are as the client knows them.
fn changed(flags: Flags, change: &FlagChange, keywords: &Keywords) -> Flags {
    let bits = |names: &[String]| {
        names.iter().filter_map(|name| keywords.bit(name)).fold(Flags::default(), Flags::union)
    };
    let removed = change.remove.union(bits(&change.remove_keywords));
    flags.without(removed).union(change.add).union(bits(&change.add_keywords))
}

/// What the whole command came to.
#[derive(Default)]
struct Outcome {
    /// Messages that another session has expunged.
    missing: bool,
    /// Messages that had changed since, in the numbers of the command.
    modified: Vec<u32>,
}

impl Outcome {
    fn status(mut self) -> Status {
        self.modified.sort_unstable();
        if !self.modified.is_empty() {
            let modified = Code::Modified(NumberSet::from_sorted(self.modified));
            return Status::ok("some messages had changed and were left alone").with(modified);
        }
        if self.missing {
            // RFC 5530 §3. Not NO as RFC 2180 §4.2.2 has it: clients show that to people as a failure.
            return Status::ok("some messages are gone").with(Code::ExpungeIssued);
        }
        Status::ok("STORE done")
    }
}
