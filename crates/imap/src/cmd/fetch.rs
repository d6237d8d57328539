//! FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 3516, RFC 7162 §3.1.4 and §3.2.6, RFC 8474 §5, RFC 8970,
//! RFC 9394 §3.3, RFC 9738 §3.1).
//!
//! Messages are read in batches and written one by one, their text piece by piece; what the client does not take, is
//! not read. What FLAGS, UID, MODSEQ and EMAILID ask is in the view, so a FETCH of these alone does not go to the store.

use bytes::Bytes;
use message::{EnvelopeRef, Structure, Summary};
use store::{Columns, Entry, FlagChange, Flags, MessageRow, ModSeq, Rights};

use crate::cmd::batch::{Batches, READ_BATCH, seqs_of, uids};
use crate::cmd::place::other_owner;
use crate::cmd::{Context, Done, enable, flags, message_limit, resync, sync};
use crate::reply::Failure;
use crate::session::Mode;
use crate::session::view::{ClientView, Expunges};
use crate::wire::encode::body::{BodyForm, push_body};
use crate::wire::encode::envelope::push_envelope;
use crate::wire::encode::fetch_line::{FetchForm, FetchLine};
use crate::wire::encode::nstring;
use crate::wire::fetch::{Fetch, FetchItem, Seen};
use crate::wire::response::{ObjectId, ObjectKind};
use crate::wire::set::{NumberSet, Numbering, SeqSet};
use crate::wire::status::{Code, Status};

mod content;
mod pieces;
pub(crate) mod stretch;

use content::Content;
use pieces::{PIECE_BYTES, Pieces};

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, fetch: Fetch) -> Result<Done, Failure> {
    context.session.selected()?;
    if fetch.vanished && (fetch.numbering == Numbering::Seq || !context.session.enabled.qresync) {
        return Err(Failure::bad("VANISHED is for UID FETCH, after ENABLE QRESYNC"));
    }
    if fetch.changed_since.is_some() || fetch.items.contains(&FetchItem::ModSeq) {
        enable::condstore(context);
    }
    // What the client asks for is told as it is now, not as it was at the last look.
    if fetch.vanished {
        tell_vanished(context, &fetch).await?;
    } else {
        sync::look(context, sync::Look { expunges: Expunges::Hold, always: false }).await?;
    }
    let plan = Plan::new(fetch, context);
    let (_, selected) = context.session.selected()?;
    let limit = context.server.options.limits.message_limit;
    let (mut batches, cut) = plan.batches(&selected.view, limit)?;
    let mut is_missing = false;
    loop {
        let (_, selected) = context.session.selected()?;
        let Some(mut batch) = batches.next(&selected.view, READ_BATCH) else { break };
        batch.retain(|(_, entry)| plan.counts(entry));
        is_missing |= plan.run(context, batch).await?;
    }
    let status = match plan.fetch.numbering {
        // RFC 2180 §4.1.3, RFC 5530 §3: the others have been told.
        Numbering::Seq if is_missing => Status::ok("some messages are gone").with(Code::ExpungeIssued),
        Numbering::Seq => Status::ok("FETCH done"),
        Numbering::Uid => Status::ok("UID FETCH done"),
    };
    Ok(Done::Status(message_limit::told(context, status, cut)))
}

/// Tells these items of messages that the client has not asked for (RFC 5465 §5.2), by sequence number.
pub(crate) async fn tell(
    context: &mut Context<'_>,
    items: Vec<FetchItem>,
    seqs: &NumberSet,
) -> Result<(), Failure> {
    let Some(set) = SeqSet::of(seqs) else { return Ok(()) };
    let plan = Plan::new(Fetch::new(Numbering::Seq, set, items), context);
    let mut batches = Batches::of(seqs);
    loop {
        let (_, selected) = context.session.selected()?;
        let Some(batch) = batches.next(&selected.view, READ_BATCH) else { return Ok(()) };
        // One that is gone already is told as expunged next.
        plan.run(context, batch).await?;
    }
}

/// RFC 7162 §3.2.6: what has vanished is told before the first FETCH response.
async fn tell_vanished(context: &mut Context<'_>, fetch: &Fetch) -> Result<(), Failure> {
    // Nothing is named by its number here, so what is gone can be gone before the question is answered.
    sync::look(context, sync::Look { expunges: Expunges::Send, always: true }).await?;
    let since = ModSeq(fetch.changed_since.unwrap_or_default());
    resync::before_fetch(context, fetch.set.resolve(u32::MAX), since).await
}

/// What a FETCH needs.
struct Plan {
    fetch: Fetch,
    columns: Columns,
    /// Whether the view alone can't answer.
    needs_rows: bool,
    /// Whether the message itself is needed.
    needs_raw: bool,
    /// Whether it is asked when messages came into the mailbox, which neither view nor message say.
    needs_places: bool,
    /// Whether messages become `\Seen`.
    sets_seen: bool,
}

impl Plan {
    fn new(mut fetch: Fetch, context: &Context<'_>) -> Self {
        // RFC 9051 §6.4.9: UID FETCH always answers with UID; RFC 7162 §3.1.4.1: CHANGEDSINCE with MODSEQ.
        let names_uid = fetch.numbering == Numbering::Uid && context.session.fetch_form() == FetchForm::Fetch;
        if names_uid && !fetch.items.contains(&FetchItem::Uid) {
            fetch.items.insert(0, FetchItem::Uid);
        }
        if fetch.changed_since.is_some() && !fetch.items.contains(&FetchItem::ModSeq) {
            fetch.items.push(FetchItem::ModSeq);
        }
        let any = |test: fn(&FetchItem) -> bool| fetch.items.iter().any(test);
        let needs_raw = any(|item| {
            matches!(item, FetchItem::Section(_) | FetchItem::Binary(_) | FetchItem::BinarySize(_))
        });
        let has_seen = any(|item| match item {
            FetchItem::Section(section) => section.seen == Seen::Set,
            FetchItem::Binary(binary) => binary.seen == Seen::Set,
            _ => false,
        });
        // RFC 4314 §4: without the right, reading leaves no trace.
        let may_set_seen = context
            .session
            .selected_for_change()
            .is_ok_and(|(_, selected)| selected.permitted().contains(Rights::SEEN));
        Self {
            columns: Columns {
                envelope: any(|item| matches!(item, FetchItem::Envelope)),
                structure: needs_raw || any(|i| matches!(i, FetchItem::Body | FetchItem::BodyStructure)),
                summary: any(|item| matches!(item, FetchItem::Preview)),
            },
            needs_rows: !fetch.items.iter().all(is_in_view),
            needs_raw,
            needs_places: any(|item| matches!(item, FetchItem::SaveDate)),
            sets_seen: has_seen && may_set_seen,
            fetch,
        }
    }

    fn batches(&self, view: &ClientView, limit: Option<usize>) -> Result<(Batches, Option<Code>), Failure> {
        let (set, numbering) = (&self.fetch.set, self.fetch.numbering);
        let Some(page) = self.fetch.page else {
            let (seqs, cut) = message_limit::newest(limit, view, seqs_of(view, set, numbering)?);
            return Ok((Batches::of(&seqs), cut));
        };
        // RFC 9394 §3.4: the page comes first; CHANGEDSINCE then leaves out of it what has not changed.
        let batches = Batches::page(view, (set, numbering), page)?;
        // RFC 9738 §3.1: a client that asks for a page chooses how large it is.
        message_limit::check(limit, batches.count())?;
        Ok((batches, None))
    }

    // RFC 7162 §3.1.4.1: CHANGEDSINCE.
    fn counts(&self, entry: &Entry) -> bool {
        self.fetch.changed_since.is_none_or(|since| entry.modseq.0 > since)
    }

    /// Answers for one batch; says whether a message of it is gone.
    async fn run(&self, context: &mut Context<'_>, batch: Vec<(u32, Entry)>) -> Result<bool, Failure> {
        if batch.is_empty() {
            return Ok(false);
        }
        if !self.needs_rows {
            for (seq, entry) in batch {
                let row = row_of(entry);
                self.write(context, Message { seq, row, known: entry, tell_flags: false }).await?;
            }
            return Ok(false);
        }
        let became_seen = if self.sets_seen { set_seen(context, &batch).await? } else { Vec::new() };
        let (access, selected) = context.session.selected()?;
        // The view has been brought up to date, but for what this very command changes.
        let rows = if self.needs_places || !became_seen.is_empty() {
            context.store().messages(access, selected.mailbox(), uids(&batch), self.columns).await?
        } else {
            let entries = batch.iter().map(|(_, entry)| *entry).collect();
            context.store().messages_of_view(access, entries, self.columns).await?
        };
        let mut rows = rows.into_iter().peekable();
        let mut is_missing = false;
        for (seq, entry) in batch {
            let Some(row) = rows.next_if(|row| row.entry.uid == entry.uid) else {
                is_missing = true;
                continue;
            };
            let tell_flags = became_seen.binary_search(&row.entry.uid).is_ok();
            is_missing |= !self.write(context, Message { seq, row, known: entry, tell_flags }).await?;
        }
        Ok(is_missing)
    }

    /// Writes the response for one message; `false` if its text is asked for and gone.
    async fn write(&self, context: &mut Context<'_>, message: Message) -> Result<bool, Failure> {
        let structure = if self.columns.structure {
            Some(Structure::decode(&message.row.structure).map_err(damaged)?)
        } else {
            None
        };
        // What can fail comes before the response's first byte.
        let mut text = match &structure {
            Some(structure) if self.needs_raw => match self.text(context, &message.row, structure).await? {
                Some(text) => Some(text),
                None => return Ok(false),
            },
            _ => None,
        };
        let (_, selected) = context.session.selected()?;
        if !selected.keywords.name_all(message.row.entry.flags) {
            sync::learn_keywords(context).await?;
        }
        let names_flags = message.tell_flags || self.fetch.items.contains(&FetchItem::Flags);
        let (quoting, form) = (context.session.quoting(), context.session.fetch_form());
        let condstore = context.session.enabled.condstore;
        let (way, selected) = context.session.selected_mut()?;
        let owner = other_owner(way);
        if names_flags && message.row.entry != message.known {
            selected.view.learn(message.row.entry);
        }
        let number = form.number(message.seq, message.row.entry.uid.0);
        let mut line = FetchLine::new(&mut context.link.out, number, form);
        for (index, item) in self.fetch.items.iter().enumerate() {
            let content = text.as_mut().and_then(|(contents, pieces)| Some((contents.get(index)?, pieces)));
            match content {
                None | Some((Content::Elsewhere, _)) => {
                    let known = Known { row: &message.row, structure: structure.as_ref(), owner };
                    known.write(item, &mut line, &selected.keywords, quoting)?;
                }
                Some((content, pieces)) => {
                    let paused = line.pause();
                    let written = content.write(item, pieces, paused, context.link).await;
                    line = written.map_err(broken_off)?.resume(&mut context.link.out);
                }
            }
        }
        if message.tell_flags && !self.fetch.items.contains(&FetchItem::Flags) {
            line.flags(flags::names(message.row.entry.flags, &selected.keywords));
            if condstore && !self.fetch.items.contains(&FetchItem::ModSeq) {
                line.modseq(message.row.entry.modseq.0);
            }
        }
        line.finish();
        context.link.drain().await?;
        Ok(true)
    }

    /// Opens a message's text and finds in it what each item asks for; `None` if it is gone.
    async fn text<'s>(
        &self,
        context: &Context<'_>,
        row: &MessageRow,
        structure: &'s Structure,
    ) -> Result<Option<(Vec<Content<'s>>, Pieces)>, Failure> {
        let start = if u64::from(row.size) <= PIECE_BYTES {
            0
        } else {
            self.fetch.items.iter().find_map(|item| content::start(item, structure)).unwrap_or_default()
        };
        let (access, _) = context.session.selected()?;
        let mut pieces = match Pieces::open(context.store(), access, row.entry.message, start).await {
            Ok(pieces) => pieces,
            Err(store::Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut contents = Vec::with_capacity(self.fetch.items.len());
        for item in &self.fetch.items {
            contents.push(Content::of(item, structure, &mut pieces).await?);
        }
        Ok(Some((contents, pieces)))
    }
}

/// One message, read.
struct Message {
    seq: u32,
    row: MessageRow,
    /// As the client knows it.
    known: Entry,
    /// Whether this FETCH has changed its flags.
    tell_flags: bool,
}

/// What is known of a message without its text.
struct Known<'m> {
    row: &'m MessageRow,
    structure: Option<&'m Structure>,
    /// The owner's number, unless it is the user.
    owner: Option<u64>,
}

impl Known<'_> {
    fn id(&self, kind: ObjectKind, number: u64) -> ObjectId {
        ObjectId { kind, number, owner: self.owner }
    }

    fn write(
        &self,
        item: &FetchItem,
        line: &mut FetchLine<'_>,
        keywords: &store::Keywords,
        quoting: crate::wire::encode::Quoting,
    ) -> Result<(), Failure> {
        let row = self.row;
        match item {
            FetchItem::Uid => line.uid(row.entry.uid.0),
            FetchItem::Flags => line.flags(flags::names(row.entry.flags, keywords)),
            FetchItem::ModSeq => line.modseq(row.entry.modseq.0),
            FetchItem::EmailId => line.object_id(self.id(ObjectKind::Email, row.entry.message.0)),
            FetchItem::ThreadId => line.object_id(self.id(ObjectKind::Thread, row.thread.0)),
            FetchItem::InternalDate => line.internal_date(row.received_at.0),
            FetchItem::SaveDate => line.save_date(row.saved_at.unwrap_or(row.received_at).0),
            FetchItem::Size => line.size(u64::from(row.size)),
            FetchItem::Envelope => {
                let envelope = EnvelopeRef::decode(&row.envelope).map_err(damaged)?;
                push_envelope(line.item(b"ENVELOPE "), &envelope, quoting);
            }
            FetchItem::Body | FetchItem::BodyStructure => {
                let (name, form) = match item {
                    FetchItem::Body => (b"BODY ".as_slice(), BodyForm::Body),
                    _ => (b"BODYSTRUCTURE ".as_slice(), BodyForm::BodyStructure),
                };
                if let Some(structure) = self.structure {
                    push_body(line.item(name), structure.root(), form, quoting);
                }
            }
            FetchItem::Preview => {
                let summary = Summary::decode(&row.summary).map_err(damaged)?;
                nstring(line.item(b"PREVIEW "), Some(summary.preview.as_bytes()), quoting);
            }
            FetchItem::Section(_) | FetchItem::Binary(_) | FetchItem::BinarySize(_) => {}
        }
        Ok(())
    }
}

/// RFC 9051 §6.4.5: reading a message's text makes it `\Seen`. Returns those that were not, rising.
async fn set_seen(context: &mut Context<'_>, batch: &[(u32, Entry)]) -> Result<Vec<store::Uid>, Failure> {
    let unseen = batch.iter().filter(|(_, entry)| !entry.flags.contains(Flags::SEEN));
    let unseen: Vec<store::Uid> = unseen.map(|(_, entry)| entry.uid).collect();
    if unseen.is_empty() {
        return Ok(unseen);
    }
    let (access, selected) = context.session.selected()?;
    assert!(selected.mode == Mode::ReadWrite, "EXAMINE changes nothing");
    let change = FlagChange { add: Flags::SEEN, ..FlagChange::default() };
    let stored = context.store().store_flags(access, selected.mailbox(), unseen.clone(), change, None);
    match stored.await {
        Ok(_) => Ok(unseen),
        Err(store::Error::Forbidden(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the client's view holds what the item asks.
fn is_in_view(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Uid | FetchItem::Flags | FetchItem::ModSeq | FetchItem::EmailId)
}

/// A row that holds only what the view does.
fn row_of(entry: Entry) -> MessageRow {
    MessageRow {
        entry,
        thread: store::ThreadId(0),
        received_at: store::UnixTime(0),
        saved_at: None,
        size: 0,
        envelope: Bytes::new(),
        structure: Bytes::new(),
        summary: Bytes::new(),
    }
}

/// Half an answer has been sent: nothing that could still be said would be understood.
fn broken_off(failure: Failure) -> Failure {
    match failure {
        Failure::Store(error) => {
            tracing::warn!(%error, "a message can't be read to its end");
            Failure::Link(std::io::Error::other(error))
        }
        other => other,
    }
}

/// What the store keeps was written by the same crate that can't read it now.
fn damaged(error: message::DecodeError) -> Failure {
    Failure::Store(store::Error::Bug(format!("a stored message can't be decoded: {error}")))
}
