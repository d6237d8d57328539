//! What a Web Push of IMAP says (draft-gougeon-imap-webpush §6 and §7): everything that changed since the subscription's
//! cursor, as untagged responses, in one cleartext of at most [`CLEARTEXT_BYTES_MAX`] bytes.
//!
//! Of others' mailboxes those are told that the user is subscribed to and may read ([`elsewhere`]).
//!
//! Three steps: [`news`] sorts the change log into what the device has to be told; [`line`] writes each response in every
//! form that it has; [`fit`] chooses the forms, richest first, until the push is full. What fits in no form becomes
//! `* SYNC`, at worst the whole push. [`text`] finds the text of a message.
//!
//! # Invariants
//! - A push is never longer than the limit, and every response about a mailbox follows a SELECT of it in the same push.
//! - Nothing is left out silently: what is not said is stood for by a SYNC, except what the device knows and what happens
//!   in silent mailboxes.
//!
//! # Deviations from the draft, with their reasons
//! - Urgency is `high` only when newly delivered, unread mail is announced, not for every UIDFETCH: a flag that was set
//!   elsewhere must not wake a dozing phone.
//! - The push with the token has TTL 600 and Urgency `high`: the token lives ten minutes, and a dozing phone must get it.
//! - BINARY has its charset turned into UTF-8, since a push that shows a message can't ask for its BODYSTRUCTURE.

pub mod apple;
mod elsewhere;
mod fit;
pub mod http_put;
mod line;
mod md5;
mod news;
pub mod registrar;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use message::{EnvelopeRef, Structure, Summary};
use notifier::compose::{Assignment, Composed, Composer, Composing, Detail, Push};
use store::{
    Access, AccountChanges, Columns, CursorsElsewhere, Mailbox, MailboxId, MessageRow, ModSeq, PushKind,
    PushSubscription, SpecialUse, Store, Uid,
};
use webpush::header::{Topic, Ttl, Urgency};
use webpush::padding::CLEARTEXT_BYTES_MAX;

use crate::push::fit::{Arrival, Draft, Group, Section};
use crate::push::line::Style;
use crate::push::news::{MailboxNews, News};
use crate::wire::mailbox::Names;
use crate::wire::response::Response;

/// Which mailboxes ring nobody.
#[derive(Clone, Debug)]
pub struct SilentMailboxes(BTreeSet<String>);

impl SilentMailboxes {
    /// By name or by special use (`Junk` means the mailbox `Junk` as well as the one marked `\Junk`), without regard to
    /// ASCII case. What is below a silent mailbox is silent too.
    #[must_use]
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(names.into_iter().map(|name| name.as_ref().to_ascii_lowercase()).collect())
    }

    fn contains(&self, mailbox: &Mailbox) -> bool {
        let name = mailbox.name.as_str().to_ascii_lowercase();
        let mut path = Some(name.as_str());
        while let Some(level) = path {
            if self.0.contains(level) {
                return true;
            }
            path = level.rsplit_once('/').map(|(parent, _)| parent);
        }
        mailbox.special_use.is_some_and(|special_use| {
            let attribute = special_use_name(special_use);
            self.0.contains(&attribute.trim_start_matches('\\').to_ascii_lowercase())
        })
    }
}

/// RFC 6154 §2.
fn special_use_name(special_use: SpecialUse) -> &'static str {
    match special_use {
        SpecialUse::Archive => r"\Archive",
        SpecialUse::Drafts => r"\Drafts",
        SpecialUse::Junk => r"\Junk",
        SpecialUse::Sent => r"\Sent",
        SpecialUse::Trash => r"\Trash",
    }
}

/// Composes the pushes of IMAP WEBPUSH.
#[derive(Debug)]
pub struct ImapComposer {
    silent: SilentMailboxes,
}

impl ImapComposer {
    /// A composer that says nothing of these mailboxes.
    #[must_use]
    pub fn new(silent: SilentMailboxes) -> Self {
        Self { silent }
    }

    async fn compose_from(&self, store: &Store, assignment: &Assignment<'_>) -> store::Result<Composed> {
        let access = assignment.access;
        let now = store.modseq(access).await?;
        let log = read_log(store, access, assignment.from).await?;
        let style = Style::of(&assignment.subscription.enabled);
        // The log does not reach back to the cursor: say so honestly.
        if !log.changes.complete {
            return Ok(Composed {
                pushes: vec![generic_sync()],
                cursor: now.max(log.changes.modseq),
                elsewhere: CursorsElsewhere::default(),
                // It says nothing of others' mailboxes.
                more: !assignment.subscription.elsewhere.is_empty(),
            });
        }
        let (cursor, more) = (log.changes.modseq, log.changes.more);
        let mailboxes = store.mailboxes(access).await?;
        let keywords = store.keywords(access).await?;
        let news = News::sort(
            &log.changes,
            &news::Reader {
                mailboxes: &mailboxes,
                keywords: &keywords,
                known: assignment.known,
                is_silent: &|mailbox| self.silent.contains(mailbox),
            },
        );
        let others = elsewhere::compose(store, assignment, &self.silent).await?;
        let (elsewhere, more) = (others.cursors, more || others.more);
        if news.is_empty() && others.draft.is_empty() {
            return Ok(Composed { pushes: Vec::new(), cursor, elsewhere, more });
        }
        let detail = if log.pages > 1 { Detail::Summary } else { assignment.detail };
        let writer = Writer { store, access, style, keywords: &keywords };
        let mut draft = writer.draft(&news, detail).await?;
        draft.append(others.draft);
        let announces_mail = news.announces_mail || others.announces_mail;
        let pushes = vec![push_of(draft.fit(CLEARTEXT_BYTES_MAX), announces_mail)];
        Ok(Composed { pushes, cursor, elsewhere, more })
    }
}

impl Composer for ImapComposer {
    fn kind(&self) -> PushKind {
        PushKind::ImapWebPush
    }

    fn compose<'a>(&'a self, store: &'a Store, assignment: Assignment<'a>) -> Composing<'a> {
        Box::pin(async move { self.compose_from(store, &assignment).await })
    }

    fn verification(&self, _subscription: &PushSubscription, token: &str) -> Option<Push> {
        let cleartext = line::response(&Response::AckWebPush(token), Names::Utf8);
        Some(Push { cleartext, urgency: Urgency::High, topic: None, ttl: VERIFICATION_TTL })
    }

    // draft-gougeon-imap-webpush §8: the new key, in a push that is authorised with the old one.
    fn key_notice(&self, new_key: &str) -> Option<Push> {
        let cleartext = line::response(&Response::Vapid(new_key), Names::Utf8);
        Some(Push { cleartext, urgency: Urgency::Low, topic: None, ttl: TTL })
    }

    // Without a topic: it must not replace a SYNC that is to last longer.
    fn trial(&self, _: &PushSubscription) -> Option<Push> {
        let cleartext = Bytes::from_static(line::GENERIC_SYNC);
        Some(Push { cleartext, urgency: Urgency::High, topic: None, ttl: TRIAL_TTL })
    }
}

/// The change log from a cursor on.
struct Log {
    changes: AccountChanges,
    pages: usize,
}

/// Reads the log to its end if that is not too far: what is too much to be told in detail is still told per mailbox.
async fn read_log(store: &Store, access: &Access, from: ModSeq) -> store::Result<Log> {
    let mut changes = store.changes_since(access, from, FIRST_PAGE_CHANGES).await?;
    let mut pages = 1;
    while changes.complete && changes.more && pages < PAGES_MAX {
        let next = store.changes_since(access, changes.modseq, PAGE_CHANGES).await?;
        changes.modseq = next.modseq;
        changes.more = next.more;
        changes.complete = next.complete;
        changes.mailboxes.extend(next.mailboxes);
        changes.memberships.extend(next.memberships);
        changes.keywords.extend(next.keywords);
        pages += 1;
    }
    Ok(Log { changes, pages })
}

/// After a timed silence, and for what is too much: which mailboxes have changed, and no more.
fn summary_of(news: &News, style: Style) -> Draft {
    let mut draft = Draft::default();
    if !news.lists.is_empty() {
        draft.account.push(line::response(&Response::Sync(Some("LIST")), style.names));
    }
    for mailbox in news.mailboxes.values() {
        draft.sections.push(Section::unspecified(line::select(&mailbox.name, style)));
    }
    draft
}

fn generic_sync() -> Push {
    push_of(Draft::generic_sync(), false)
}

/// draft-gougeon-imap-webpush §7.2.
fn push_of(cleartext: Bytes, announces_mail: bool) -> Push {
    let has_select =
        cleartext.starts_with(b"* SELECT ") || memchr::memmem::find(&cleartext, b"\r\n* SELECT ").is_some();
    let urgency = match (has_select, announces_mail) {
        (_, true) => Urgency::High,
        (true, false) => Urgency::Normal,
        (false, false) => Urgency::Low,
    };
    // A later generic SYNC makes an earlier one pointless; anything else must not be replaced.
    let topic =
        if cleartext.as_ref() == line::GENERIC_SYNC { SYNC_TOPIC.parse::<Topic>().ok() } else { None };
    Push { cleartext, urgency, topic, ttl: TTL }
}

/// Writes what is new in an account.
struct Writer<'a> {
    store: &'a Store,
    access: &'a Access,
    style: Style,
    keywords: &'a store::Keywords,
}

impl Writer<'_> {
    async fn draft(&self, news: &News, detail: Detail) -> store::Result<Draft> {
        match detail {
            Detail::Summary => Ok(summary_of(news, self.style)),
            Detail::Full => self.draft_of(news).await,
        }
    }

    async fn draft_of(&self, news: &News) -> store::Result<Draft> {
        let mut draft = Draft::default();
        for change in &news.lists {
            draft.account.push(line::list(change, news.has_children(change), self.style));
        }
        let mut rows = self.rows_of(news).await?;
        for (&id, mailbox) in &news.mailboxes {
            let rows = rows.remove(&id).unwrap_or_default();
            draft.sections.push(self.section_of(mailbox, &rows));
        }
        self.add_texts(news, &mut draft).await?;
        Ok(draft)
    }

    fn section_of(&self, mailbox: &MailboxNews, rows: &BTreeMap<Uid, MessageRow>) -> Section {
        let flags = mailbox.has_new_keywords.then(|| line::flags(self.keywords, self.style));
        let vanished = (!mailbox.vanished.is_empty()).then(|| line::vanished(&mailbox.vanished, self.style));
        let arrivals = mailbox.arrived.iter().map(|arrived| {
            let flags = line::flag_names(arrived.entry.flags, self.keywords);
            let enveloped = match rows.get(&arrived.entry.uid) {
                Some(row) => self.enveloped(row, &flags),
                None => Vec::new(),
            };
            Arrival {
                message: arrived.entry.message,
                plain: line::arrival(&arrived.entry, &flags, self.style),
                enveloped,
                text: None,
            }
        });
        let altered = mailbox
            .altered
            .iter()
            .map(|entry| line::altered(entry, &line::flag_names(entry.flags, self.keywords), self.style));
        Section {
            select: line::select(&mailbox.name, self.style),
            flags: Group::of(flags),
            arrivals: Group::of(arrivals),
            vanished: Group::of(vanished),
            altered: Group::of(altered),
            is_unspecified: false,
        }
    }

    /// The forms with an envelope, richest first. A column that can't be read is a bug of ours that must not cost the push.
    fn enveloped(&self, row: &MessageRow, flags: &[String]) -> Vec<BytesMut> {
        let Ok(envelope) = EnvelopeRef::decode(&row.envelope) else {
            tracing::error!(message = row.entry.message.0, "a stored envelope can't be read");
            return Vec::new();
        };
        let preview = if self.style.preview { Summary::decode(&row.summary).ok() } else { None };
        let previews = preview.iter().map(|summary| Some(summary.preview.as_str())).chain([None]);
        previews.map(|preview| line::enveloped(&row.entry, flags, (&envelope, preview), self.style)).collect()
    }

    /// What is needed to show the newest of the new messages.
    async fn rows_of(&self, news: &News) -> store::Result<BTreeMap<MailboxId, BTreeMap<Uid, MessageRow>>> {
        let columns = Columns { envelope: true, structure: true, summary: self.style.preview };
        let mut wanted: BTreeMap<MailboxId, Vec<Uid>> = BTreeMap::new();
        for (mailbox, arrived) in news.newest_arrivals(ENVELOPES_MAX) {
            wanted.entry(mailbox).or_default().push(arrived.entry.uid);
        }
        let mut rows = BTreeMap::new();
        for (mailbox, uids) in wanted {
            let found = self.store.messages(self.access, mailbox, uids, columns).await?;
            rows.insert(mailbox, found.into_iter().map(|row| (row.entry.uid, row)).collect());
        }
        Ok(rows)
    }

    /// Adds the texts of the newest of the new messages, as far as there is room for them at all.
    async fn add_texts(&self, news: &News, draft: &mut Draft) -> store::Result<()> {
        let columns = Columns { envelope: false, structure: true, summary: false };
        for (mailbox, arrived) in news.newest_arrivals(TEXTS_MAX) {
            let rows = self.store.messages(self.access, mailbox, vec![arrived.entry.uid], columns).await?;
            let Some(row) = rows.first() else { continue };
            let Ok(structure) = Structure::decode(&row.structure) else {
                tracing::error!(message = row.entry.message.0, "a stored structure can't be read");
                continue;
            };
            let Some(part) = text::TextPart::of(&structure) else { continue };
            match self.store.open_raw(self.access, row.entry.message, part.range()).await {
                Ok((_, start)) => draft.give_text(row.entry.message, &part.decode(&start)),
                // Expunged since: the next push says so.
                Err(store::Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Changes that are told in detail; where there are more, each mailbox is summed up.
const FIRST_PAGE_CHANGES: usize = 256;
/// Changes of a later page.
const PAGE_CHANGES: usize = 2048;
/// Pages that one push sums up. What is beyond is left to the push after it.
const PAGES_MAX: usize = 8;
/// New messages that may get an ENVELOPE; no more of them fit into a push.
const ENVELOPES_MAX: usize = 24;
/// New messages that may get their text; a smaller part of more messages would show nothing.
const TEXTS_MAX: usize = 8;
/// draft-gougeon-imap-webpush §7.2: a week.
const TTL: Ttl = Ttl::from_seconds(604_800);
/// As long as the token lives.
const VERIFICATION_TTL: Ttl = Ttl::from_seconds(600);
/// Somebody waits for it now.
const TRIAL_TTL: Ttl = Ttl::from_seconds(600);
/// Says nothing but that the push is replaceable.
const SYNC_TOPIC: &str = "sync";
