//! SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 7162 §3.1.5 and §3.1.10, RFC 8474 §6).
//!
//! Three rounds: what the view knows decides on most messages; what is left is decided by what the store keeps
//! of a message, and only what is left then by the message itself.

use store::{Columns, Entry, ModSeq};

use crate::cmd::batch::{Batches, READ_BATCH, uids};
use crate::cmd::{Context, Done, enable, sync};
use crate::reply::Failure;
use crate::session::view::Expunges;
use crate::wire::response::{ESearchLine, Response};
use crate::wire::search::{Search, SearchKey, SearchProgram, SearchReturn};
use crate::wire::set::{NumberSet, Numbering};
use crate::wire::status::{Code, Status};

mod test;
mod text;

use test::{Candidate, Test, Verdict};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, search: Search) -> Result<Done, Failure> {
    context.session.selected()?;
    let SearchProgram::Keys(keys) = search.program else {
        let status = Status::no("there is no such charset here").with(Code::BadCharset);
        return Ok(Done::Status(status));
    };
    let has_modseq = keys.iter().any(SearchKey::has_modseq);
    if has_modseq {
        enable::condstore(context);
    }
    // What the client asks for is told as it is now, not as it was at the last look.
    sync::look(context, sync::Look { expunges: Expunges::Hold, always: false }).await?;
    let (_, selected) = context.session.selected()?;
    let test = Test::all_of(keys, &selected.view, &selected.keywords)?;
    let mut found = Vec::new();
    let mut batches = Batches::all(&selected.view);
    loop {
        let (_, selected) = context.session.selected()?;
        let Some(batch) = batches.next(&selected.view, READ_BATCH) else { break };
        decide(context, &test, batch, &mut found).await?;
        // A large mailbox is searched beside other work, not before it.
        tokio::task::consume_budget().await;
    }
    let results = Results { found, numbering: search.numbering, has_modseq };
    results.tell(context, search.returns.as_deref());
    Ok(Done::Status(Status::ok("SEARCH done")))
}

/// Adds the messages of a batch that match, in order.
async fn decide(
    context: &Context<'_>,
    test: &Test,
    batch: Vec<(u32, Entry)>,
    found: &mut Vec<(u32, Entry)>,
) -> Result<(), Failure> {
    let first_found = found.len();
    let mut open = Vec::new();
    for (seq, entry) in batch {
        match test.of(&Candidate { seq, entry, row: None, raw: None }) {
            Verdict::Yes => found.push((seq, entry)),
            Verdict::No => {}
            Verdict::Unknown => open.push((seq, entry)),
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let columns = Columns { envelope: true, structure: true, summary: true };
    let (access, selected) = context.session.selected()?;
    let rows = context.store().messages(access, selected.mailbox(), uids(&open), columns).await?;
    let mut rows = rows.iter().peekable();
    for (seq, entry) in open {
        // A message that is gone meanwhile does not match.
        let Some(row) = rows.next_if(|row| row.entry.uid == entry.uid) else { continue };
        let mut verdict = test.of(&Candidate { seq, entry, row: Some(row), raw: None });
        if verdict == Verdict::Unknown {
            verdict = match context.store().raw(access, entry.message).await {
                Ok(raw) => test.of(&Candidate { seq, entry, row: Some(row), raw: Some(&raw) }),
                Err(store::Error::NotFound(_)) => Verdict::No,
                Err(error) => return Err(error.into()),
            };
        }
        if verdict == Verdict::Yes {
            found.push((seq, entry));
        }
    }
    if let Some(new) = found.get_mut(first_found..) {
        new.sort_unstable_by_key(|(seq, _)| *seq);
    }
    Ok(())
}

/// What was found.
struct Results {
    found: Vec<(u32, Entry)>,
    numbering: Numbering,
    has_modseq: bool,
}

impl Results {
    fn tell(&self, context: &mut Context<'_>, returns: Option<&[SearchReturn]>) {
        let numbers: Vec<u32> = self.found.iter().map(|found| self.number(found)).collect();
        let Some(returns) = returns else {
            let modseq = self.modseq(&self.found);
            return context.untagged(&Response::Search { numbers: &numbers, modseq });
        };
        let asks = |option| returns.contains(&option);
        let all = asks(SearchReturn::All).then(|| NumberSet::from_sorted(numbers.iter().copied()));
        // RFC 7162 §3.1.10: MODSEQ is about the messages that are named.
        let names_all = asks(SearchReturn::All) || asks(SearchReturn::Count);
        let ends: Vec<(u32, Entry)> = [
            self.found.first().filter(|_| asks(SearchReturn::Min)),
            self.found.last().filter(|_| asks(SearchReturn::Max)),
        ]
        .into_iter()
        .flatten()
        .copied()
        .collect();
        let line = ESearchLine {
            tag: context.tag,
            uid: self.numbering == Numbering::Uid,
            min: numbers.first().copied().filter(|_| asks(SearchReturn::Min)),
            max: numbers.last().copied().filter(|_| asks(SearchReturn::Max)),
            count: asks(SearchReturn::Count).then(|| u32::try_from(numbers.len()).unwrap_or(u32::MAX)),
            modseq: self.modseq(if names_all { &self.found } else { &ends }),
            all: all.as_ref(),
        };
        Response::ESearch(line).encode(&mut context.link.out, context.session.names());
    }

    fn number(&self, (seq, entry): &(u32, Entry)) -> u32 {
        match self.numbering {
            Numbering::Seq => *seq,
            Numbering::Uid => entry.uid.0,
        }
    }

    /// The highest MODSEQ among messages; only told if the search had MODSEQ.
    fn modseq(&self, messages: &[(u32, Entry)]) -> Option<u64> {
        let highest: Option<ModSeq> = messages.iter().map(|(_, entry)| entry.modseq).max();
        highest.filter(|_| self.has_modseq).map(|modseq| modseq.0)
    }
}
