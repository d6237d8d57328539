//! The state of one connection (RFC 9051 §3): who is logged in, what is selected, what is enabled.
//!
//! Pure but for the handles it keeps: nothing here waits, reads or writes.

use bus::Watch;
use store::{Access, AccountId, Keywords, MailboxId, ModSeq, Placed, Rights, Uid};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cmd::notify::{Waiting, Wishes};
use crate::cmd::search::update::UpdatedSearch;
use crate::cmd::silwebpush::SessionPush;
use crate::reply::Failure;
use crate::sessions::Entered;
use crate::wire::encode::Quoting;
use crate::wire::encode::fetch_line::FetchForm;
use crate::wire::mailbox::Names;

pub mod view;

use view::ClientView;

/// One connection's state.
#[derive(Debug, Default)]
pub(crate) struct Session {
    state: State,
    /// When the token ends that opened the session.
    pub(crate) ends: Option<Instant>,
    /// What ENABLE and the commands that imply it have turned on.
    pub(crate) enabled: Enabled,
    /// Says when the account has changed; kept once changed annotations are told.
    pub(crate) metadata_watch: Option<Watch>,
    /// What SILWEBPUSH has set for this connection; its end is the connection's.
    pub(crate) push: SessionPush,
    /// What NOTIFY has set for this connection.
    pub(crate) notify: Wishes,
    /// Its place among the sessions of the account, once somebody is logged in.
    pub(crate) entered: Option<Entered>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    NotAuthenticated,
    Authenticated(Access),
    /// Whose session it is, the way to the selected mailbox, which may be another's, and the mailbox.
    Selected(Access, Access, Box<Selected>),
}

/// Extensions that change the server's answers only once a client has asked for them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Enabled {
    /// RFC 7162: FETCH responses about flags carry MODSEQ.
    pub(crate) condstore: bool,
    /// RFC 5464 §4.1: changed annotations are told, those after this MODSEQ.
    pub(crate) metadata: Option<ModSeq>,
    /// RFC 8474: pushes of new messages carry EMAILID.
    pub(crate) object_id: bool,
    /// RFC 8970: pushes of new messages carry PREVIEW.
    pub(crate) preview: bool,
    /// RFC 7162 §3.2: VANISHED instead of EXPUNGE, UIDs in what is told unasked. Implies CONDSTORE.
    pub(crate) qresync: bool,
    /// RFC 9051: UTF-8 in quoted strings and mailbox names, ESEARCH for SEARCH, LIST in SELECT, nothing of \Recent.
    pub(crate) rev2: bool,
    /// RFC 9586: messages are named by UID only, in both directions.
    pub(crate) uid_only: bool,
    /// RFC 6855: UTF-8 in quoted strings and mailbox names.
    pub(crate) utf8: bool,
}

impl Enabled {
    /// What a name in upper case turns on that needs nothing else, and the name that the client is told.
    pub(crate) fn switch(&mut self, name: &str) -> Option<(&'static str, &mut bool)> {
        Some(match name {
            // RFC 9051 §6.3.1
            "IMAP4REV2" => ("IMAP4rev2", &mut self.rev2),
            // These two change no answer on this connection: they shape the pushes of subscriptions that are made after them.
            "OBJECTID" => ("OBJECTID", &mut self.object_id),
            "PREVIEW" => ("PREVIEW", &mut self.preview),
            "QRESYNC" => ("QRESYNC", &mut self.qresync),
            // RFC 9586 §3.1
            "UIDONLY" => ("UIDONLY", &mut self.uid_only),
            "UTF8=ACCEPT" => ("UTF8=ACCEPT", &mut self.utf8),
            _ => return None,
        })
    }

    /// The names of what is enabled, in upper case, ascending.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let all = [
            ("CONDSTORE", self.condstore),
            ("IMAP4REV2", self.rev2),
            ("METADATA", self.metadata.is_some()),
            ("OBJECTID", self.object_id),
            ("PREVIEW", self.preview),
            ("QRESYNC", self.qresync),
            ("UIDONLY", self.uid_only),
            ("UTF8=ACCEPT", self.utf8),
        ];
        all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
    }
}

/// A selected mailbox.
#[derive(Debug)]
pub(crate) struct Selected {
    /// What the client knows of it.
    pub(crate) view: ClientView,
    /// Whether this session may change it.
    pub(crate) mode: Mode,
    /// What may be done there, as it was when last told.
    pub(crate) rights: Rights,
    /// The keywords that the client has been told.
    pub(crate) keywords: Keywords,
    /// Says when the account has changed.
    pub(crate) watch: Watch,
    /// Messages that this session has put here, until they are told.
    pub(crate) own: Vec<Uid>,
    /// RFC 5267 §4.3: the searches whose results the client wants to be kept up to date.
    pub(crate) updated: Vec<UpdatedSearch>,
}

impl Selected {
    /// Which mailbox.
    pub(crate) fn mailbox(&self) -> MailboxId {
        self.view.base().mailbox
    }

    /// What this session may do there.
    pub(crate) fn permitted(&self) -> Rights {
        match self.mode {
            Mode::ReadWrite => self.rights,
            Mode::ReadOnly => Rights::NONE,
        }
    }
}

/// How a mailbox was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// SELECT.
    ReadWrite,
    /// EXAMINE, or a mailbox that may only be looked at.
    ReadOnly,
}

impl Session {
    /// How mailbox names are written on this connection now.
    pub(crate) fn names(&self) -> Names {
        if self.enabled.utf8 || self.enabled.rev2 { Names::Utf8 } else { Names::ModifiedUtf7 }
    }

    /// Whether the client is told up to which MODSEQ it knows all, when it has expunged something (RFC 7162 §3.2.7):
    /// not if it has asked to be told less.
    pub(crate) fn tells_highest(&self) -> bool {
        self.enabled.qresync && self.notify.selected().tells_flags()
    }

    /// How messages are named in what is told of them.
    pub(crate) fn fetch_form(&self) -> FetchForm {
        if self.enabled.uid_only { FetchForm::UidFetch } else { FetchForm::Fetch }
    }

    /// Whether messages that are gone are told by UID.
    pub(crate) fn tells_vanished(&self) -> bool {
        self.enabled.qresync || self.enabled.uid_only
    }

    /// How strings are written on this connection now.
    pub(crate) fn quoting(&self) -> Quoting {
        Quoting::from(self.names())
    }

    /// Whether nobody is logged in yet.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.state, State::NotAuthenticated)
    }

    /// The access to the own mail of who is logged in; BAD before login (RFC 9051 §3).
    pub(crate) fn access(&self) -> Result<&Access, Failure> {
        match &self.state {
            State::NotAuthenticated => Err(Failure::bad("log in first")),
            State::Authenticated(access) | State::Selected(access, ..) => Ok(access),
        }
    }

    /// The selected mailbox and the way to it; BAD if there is none.
    pub(crate) fn selected(&self) -> Result<(&Access, &Selected), Failure> {
        match &self.state {
            State::Selected(_, way, selected) => Ok((way, selected)),
            _ => Err(Failure::bad("select a mailbox first")),
        }
    }

    /// The selected mailbox, to be changed; BAD if there is none.
    pub(crate) fn selected_mut(&mut self) -> Result<(&Access, &mut Selected), Failure> {
        match &mut self.state {
            State::Selected(_, way, selected) => Ok((way, selected)),
            _ => Err(Failure::bad("select a mailbox first")),
        }
    }

    /// The selected mailbox, for a command that changes messages; refused after EXAMINE.
    pub(crate) fn selected_for_change(&self) -> Result<(&Access, &Selected), Failure> {
        let (access, selected) = self.selected()?;
        match selected.mode {
            Mode::ReadWrite => Ok((access, selected)),
            Mode::ReadOnly => Err(Failure::read_only()),
        }
    }

    /// Waits until there may be something to tell; for ever if nothing is told to a client that waits so. Cancel-safe.
    pub(crate) async fn changed(&mut self, waiting: Waiting) {
        let tells_selected = waiting == Waiting::InIdle || self.notify.selected().comes_unasked();
        let selected = match &mut self.state {
            State::Selected(_, _, selected) if tells_selected => Some(&mut selected.watch),
            _ => None,
        };
        // RFC 5464 §4.4: also where no mailbox is selected.
        let metadata = self.metadata_watch.as_mut().filter(|_| waiting == Waiting::InIdle);
        tokio::select! {
            () = woken(selected) => {}
            () = woken(metadata) => {}
            () = self.notify.woken() => {}
        }
    }

    /// Notes messages that this session has put into a mailbox of this owner. RFC 5465 §5.2: its client knows what they are.
    pub(crate) fn note_own(&mut self, owner: AccountId, placed: &[Placed]) {
        let tells_items = !self.notify.selected().items().is_empty();
        let State::Selected(_, way, selected) = &mut self.state else { return };
        let (mailbox, is_told) = (selected.mailbox(), tells_items && way.owner() == owner);
        let here = placed.iter().filter(|placed| is_told && placed.mailbox == mailbox);
        selected.own.extend(here.map(|placed| placed.uid));
    }

    /// What is cancelled when the session has lost its right to be there; `None` before login.
    pub(crate) fn end(&self) -> Option<CancellationToken> {
        self.entered.as_ref().map(|entered| entered.end().clone())
    }

    /// A successful login, with its place among the account's sessions, and when it ends if what it stands on does.
    pub(crate) fn log_in(&mut self, access: Access, entered: Entered, ends: Option<Instant>) {
        assert!(self.is_anonymous(), "a session is one account's");
        self.entered = Some(entered);
        self.state = State::Authenticated(access);
        self.ends = ends;
    }

    /// UNAUTHENTICATE: as if the connection had just begun.
    pub(crate) fn log_out(&mut self) {
        *self = Self::default();
    }

    /// A successful SELECT of a mailbox to which this is the way.
    pub(crate) fn select(&mut self, way: Access, selected: Selected) {
        self.state = match std::mem::take(&mut self.state) {
            State::NotAuthenticated => State::NotAuthenticated,
            State::Authenticated(access) | State::Selected(access, ..) => {
                State::Selected(access, way, Box::new(selected))
            }
        };
    }

    /// Leaves the selected mailbox; says whether there was one.
    pub(crate) fn unselect(&mut self) -> bool {
        let (state, was_selected) = match std::mem::take(&mut self.state) {
            State::Selected(access, ..) => (State::Authenticated(access), true),
            other => (other, false),
        };
        self.state = state;
        was_selected
    }
}

async fn woken(watch: Option<&mut Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
