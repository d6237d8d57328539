//! THREAD and UID THREAD (RFC 5256 §3): ORDEREDSUBJECT and REFERENCES.
//!
//! Only the summaries of messages are read. Identifiers and subjects are kept as 64 bits of a keyed hash, so that a thread
//! of a million messages is some hundred bytes a message.

use std::hash::{BuildHasher as _, RandomState};

use message::Summary;
use store::{Columns, MessageRow};

use crate::cmd::aside::aside;
use crate::cmd::collation::casemap;
use crate::cmd::search::find::Finder;
use crate::cmd::search::progress::Progress;
use crate::cmd::search::{prepare, unknown_charset};
use crate::cmd::sort::value::sent_at;
use crate::cmd::{Context, Done};
use crate::reply::Failure;
use crate::wire::response::Response;
use crate::wire::search::SearchProgram;
use crate::wire::set::{NumberSet, Numbering};
use crate::wire::status::{Code, Status};
use crate::wire::thread::{Thread, ThreadAlgorithm, Threads};

mod ordered_subject;
mod references;

use ordered_subject::ordered_subject;
use references::References;

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, thread: Thread) -> Result<Done, Failure> {
    context.session.selected()?;
    let SearchProgram::Keys(keys) = thread.program else { return Ok(unknown_charset()) };
    prepare(context, &keys).await?;
    let (finder, mut progress) = Finder::of_selected(context)?;
    let seqs = finder.find(keys, &mut progress).await?;
    let mut reader = Reader { finder, progress, hashes: Hashes::default() };
    let threads = match thread.algorithm {
        ThreadAlgorithm::OrderedSubject => by_subject(&mut reader, &seqs, thread.numbering).await?,
        ThreadAlgorithm::References => by_references(&mut reader, &seqs, thread.numbering).await?,
    };
    context.untagged(&Response::Thread(&threads));
    Ok(Done::Status(Status::ok("THREAD done")))
}

async fn by_subject(
    reader: &mut Reader<'_>,
    seqs: &NumberSet,
    numbering: Numbering,
) -> Result<Threads, Failure> {
    let mut messages = Vec::with_capacity(seqs.count());
    reader.read((seqs, numbering), |message, _, _| messages.push(message)).await?;
    aside(messages.len(), move || ordered_subject(messages)).await
}

async fn by_references(
    reader: &mut Reader<'_>,
    seqs: &NumberSet,
    numbering: Numbering,
) -> Result<Threads, Failure> {
    let mut references = References::new(seqs.count());
    let take = |message: Message, summary: &Summary, hashes: &Hashes| {
        // RFC 5256 §3, REFERENCES (1): In-Reply-To stands in for References that hold no identifier.
        let own = summary.message_id.as_deref().map(|id| hashes.of(id));
        let cited = if summary.references.is_empty() {
            summary.in_reply_to.get(..1).unwrap_or_default()
        } else {
            &summary.references
        };
        let cited: Vec<u64> = root_and_nearest(cited).map(|id| hashes.of(id)).collect();
        references.add(message, own, &cited);
    };
    reader.read((seqs, numbering), take).await?;
    let threads = aside(seqs.count(), move || references.threads()).await?;
    threads.ok_or_else(|| Failure::refused(Code::Limit, "the messages refer to too many others"))
}

/// A thread's root and what is nearest to a message: what stands between is what others of the thread have nearest.
fn root_and_nearest(cited: &[String]) -> impl Iterator<Item = &String> {
    let nearest = cited.len().saturating_sub(CITED_NEAREST).max(1);
    cited.iter().take(1).chain(cited.iter().skip(nearest))
}

/// What messages are read with.
struct Reader<'r> {
    finder: Finder<'r>,
    progress: Progress<'r>,
    hashes: Hashes,
}

impl Reader<'_> {
    async fn read(
        &mut self,
        (seqs, numbering): (&NumberSet, Numbering),
        mut take: impl FnMut(Message, &Summary, &Hashes),
    ) -> Result<(), Failure> {
        let columns = Columns { envelope: false, structure: false, summary: true };
        let hashes = &self.hashes;
        let take_row = |seq, row: &MessageRow| {
            let summary = Summary::decode(&row.summary).unwrap_or_default();
            let subject = &summary.base_subject;
            let message = Message {
                number: match numbering {
                    Numbering::Seq => seq,
                    Numbering::Uid => row.entry.uid.0,
                },
                sent_at: sent_at(&summary, row),
                subject: (!subject.text.is_empty()).then(|| hashes.of(casemap(&subject.text))),
                is_reply: subject.is_reply_or_forward,
            };
            take(message, &summary, hashes);
        };
        self.finder.read_all((seqs, columns), &mut self.progress, take_row).await
    }
}

/// What threads are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    /// As the answer names it.
    number: u32,
    sent_at: i64,
    /// The base subject; `None` if it is empty.
    subject: Option<u64>,
    /// Whether the subject says that it is a reply or a forward.
    is_reply: bool,
}

/// Keyed, so that no sender can make two identifiers look like one.
#[derive(Default)]
struct Hashes(RandomState);

impl Hashes {
    fn of(&self, text: impl AsRef<[u8]>) -> u64 {
        self.0.hash_one(text.as_ref())
    }
}

/// Messages before the one that cites them that are looked at, beside the root of their thread.
const CITED_NEAREST: usize = 10;

#[cfg(test)]
mod tests;
