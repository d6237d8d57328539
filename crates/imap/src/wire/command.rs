//! The commands as types (RFC 9051 §6, RFC 3501 §6, and the extensions named at each).
//!
//! A value of these types is a command that keeps the grammar; whether it is allowed now is not said.

use bytes::Bytes;

use crate::wire::acl::{AclTarget, SetAcl};
use crate::wire::append::{Append, Replace};
use crate::wire::apple::ApplePush;
use crate::wire::fetch::Fetch;
use crate::wire::flag::Flag;
use crate::wire::list::{List, StatusItem};
use crate::wire::metadata::{GetMetadata, SetMetadata};
use crate::wire::multisearch::MultiSearch;
use crate::wire::notify::Notify;
use crate::wire::push_notify::PushNotify;
use crate::wire::search::Search;
use crate::wire::select::Select;
use crate::wire::set::{Numbering, SeqSet};
use crate::wire::sort::Sort;
use crate::wire::thread::Thread;
use crate::wire::webpush::{AckToken, SilenceFor, SubscriptionId, SubscriptionPattern, WebPush};

/// A command with its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the client calls this command.
    pub tag: Tag,
    /// The command.
    pub command: Command,
}

/// A tag: ASCII, no spaces, at most [`TAG_BYTES_MAX`](crate::wire::cursor::TAG_BYTES_MAX) bytes.
///
/// The default is none: what is told without a command has no tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tag(pub(in crate::wire) Bytes);

impl Tag {
    /// The tag's bytes, as they are echoed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A password. It does not print, and its bytes are overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(zeroize::Zeroizing<String>);

impl Password {
    /// Takes the cleartext.
    #[must_use]
    pub fn new(cleartext: String) -> Self {
        Self(zeroize::Zeroizing::new(cleartext))
    }

    /// The cleartext, for the one comparison that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Every command that this server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// RFC 9051 §6.1.1
    Capability,
    /// RFC 9051 §6.1.2
    Noop,
    /// RFC 9051 §6.1.3
    Logout,
    /// RFC 2971: what the client says about itself; `None` for NIL.
    Id(Option<Vec<(String, Option<String>)>>),
    /// RFC 9051 §6.2.1
    StartTls,
    /// RFC 9051 §6.2.2
    Authenticate(Authenticate),
    /// RFC 9051 §6.2.3
    Login(Login),
    /// RFC 4978 §3
    Compress {
        /// The mechanism's name in upper case, known or not.
        mechanism: String,
    },
    /// RFC 9051 §6.3.1: names in upper case, known or not.
    Enable(Vec<String>),
    /// RFC 9051 §6.3.2
    Select(Select),
    /// RFC 9051 §6.3.3
    Examine(Select),
    /// RFC 9051 §6.3.4
    Create(Create),
    /// RFC 9051 §6.3.5
    Delete {
        /// The mailbox.
        mailbox: String,
    },
    /// RFC 9051 §6.3.6
    Rename {
        /// The mailbox as it is called now.
        from: String,
        /// What it will be called.
        to: String,
    },
    /// RFC 9051 §6.3.7
    Subscribe {
        /// The mailbox.
        mailbox: String,
    },
    /// RFC 9051 §6.3.8
    Unsubscribe {
        /// The mailbox.
        mailbox: String,
    },
    /// RFC 9051 §6.3.9, RFC 5258
    List(List),
    /// RFC 3501 §6.3.9
    Lsub {
        /// Put before the pattern.
        reference: String,
        /// The pattern, with its wildcards.
        pattern: String,
    },
    /// RFC 9051 §6.3.10
    Namespace,
    /// RFC 9051 §6.3.11
    Status {
        /// The mailbox.
        mailbox: String,
        /// What is asked, in the client's order.
        items: Vec<StatusItem>,
    },
    /// RFC 9698 §4
    GetJmapAccess,
    /// RFC 5465 §3
    Notify(Notify),
    /// RFC 9051 §6.3.12
    Append(Append),
    /// RFC 4314 §3.1
    SetAcl(SetAcl),
    /// RFC 4314 §3.2
    DeleteAcl(AclTarget),
    /// RFC 4314 §3.3
    GetAcl {
        /// The mailbox.
        mailbox: String,
    },
    /// RFC 4314 §3.4
    ListRights(AclTarget),
    /// RFC 4314 §3.5
    MyRights {
        /// The mailbox.
        mailbox: String,
    },
    /// RFC 5464 §4.2
    GetMetadata(GetMetadata),
    /// RFC 5464 §4.3
    SetMetadata(SetMetadata),
    /// RFC 9208 §4.1.1: the quota root.
    GetQuota(String),
    /// RFC 9208 §4.1.2
    GetQuotaRoot {
        /// The mailbox.
        mailbox: String,
    },
    /// RFC 8508
    Replace(Replace),
    /// RFC 9051 §6.3.13
    Idle,
    /// RFC 3501 §6.4.1
    Check,
    /// RFC 9051 §6.4.1
    Close,
    /// RFC 9051 §6.4.2
    Unselect,
    /// UNAUTHENTICATE
    Unauthenticate,
    /// RFC 9051 §6.4.3, and with a set RFC 4315 §2.1 (UID EXPUNGE).
    Expunge {
        /// UIDs that alone may go; `None` for all.
        uids: Option<SeqSet>,
    },
    /// RFC 9051 §6.4.4
    Search(Search),
    /// RFC 5267 §4.3.5: the tags of the searches that are no longer to be updated.
    CancelUpdate(Vec<Tag>),
    /// RFC 7377 §2
    MultiSearch(MultiSearch),
    /// RFC 5256 §3
    Sort(Sort),
    /// RFC 5256 §3
    Thread(Thread),
    /// RFC 9051 §6.4.5
    Fetch(Fetch),
    /// RFC 9051 §6.4.6
    Store(Store),
    /// RFC 9051 §6.4.7
    Copy(Transfer),
    /// RFC 9051 §6.4.8
    Move(Transfer),
    /// XAPPLEPUSHSERVICE
    ApplePush(ApplePush),
    /// PUSH-NOTIFY-HTTP=PUT
    PushNotify(PushNotify),
    /// draft-gougeon-imap-webpush §5.1
    GetVapid,
    /// draft-gougeon-imap-webpush §5.2
    WebPush(WebPush),
    /// draft-gougeon-imap-webpush §5.3
    AckWebPush(AckToken),
    /// draft-gougeon-imap-webpush §5.4
    ListWebPush(SubscriptionPattern),
    /// draft-gougeon-imap-webpush §5.5
    SilenceWebPush {
        /// The subscription.
        id: SubscriptionId,
        /// How long.
        duration: SilenceFor,
    },
}

impl Command {
    /// Whether it names messages by sequence number, or is answered by naming them so.
    #[must_use]
    pub fn names_numbers(&self) -> bool {
        let numbering = match self {
            Self::Select(select) | Self::Examine(select) => {
                return select.resync.as_ref().is_some_and(|resync| resync.seq_match.is_some());
            }
            Self::Search(search) if search.program.names_numbers() => Numbering::Seq,
            Self::Search(search) => search.numbering,
            Self::Sort(sort) if sort.program.names_numbers() => Numbering::Seq,
            // RFC 7377 §2: it is always answered with UIDs.
            Self::MultiSearch(search) => return search.program.names_numbers(),
            Self::Sort(sort) => sort.numbering,
            Self::Thread(thread) if thread.program.names_numbers() => Numbering::Seq,
            Self::Thread(thread) => thread.numbering,
            Self::Fetch(fetch) => fetch.numbering,
            Self::Store(store) => store.numbering,
            Self::Copy(transfer) | Self::Move(transfer) => transfer.numbering,
            Self::Replace(replace) => replace.numbering,
            _ => return false,
        };
        numbering == Numbering::Seq
    }

    /// The command's name as it stands in answers and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::Id(_) => "ID",
            Self::StartTls => "STARTTLS",
            Self::Authenticate(_) => "AUTHENTICATE",
            Self::Login(_) => "LOGIN",
            Self::Compress { .. } => "COMPRESS",
            Self::Enable(_) => "ENABLE",
            Self::Select(_) => "SELECT",
            Self::Examine(_) => "EXAMINE",
            Self::Create(_) => "CREATE",
            Self::Delete { .. } => "DELETE",
            Self::Rename { .. } => "RENAME",
            Self::Subscribe { .. } => "SUBSCRIBE",
            Self::Unsubscribe { .. } => "UNSUBSCRIBE",
            Self::List(_) => "LIST",
            Self::Lsub { .. } => "LSUB",
            Self::Namespace => "NAMESPACE",
            Self::GetJmapAccess => "GETJMAPACCESS",
            Self::Status { .. } => "STATUS",
            Self::Notify(_) => "NOTIFY",
            Self::Append(_) => "APPEND",
            Self::SetAcl(_) => "SETACL",
            Self::DeleteAcl(_) => "DELETEACL",
            Self::GetAcl { .. } => "GETACL",
            Self::ListRights(_) => "LISTRIGHTS",
            Self::MyRights { .. } => "MYRIGHTS",
            Self::GetMetadata(_) => "GETMETADATA",
            Self::SetMetadata(_) => "SETMETADATA",
            Self::GetQuota(_) => "GETQUOTA",
            Self::GetQuotaRoot { .. } => "GETQUOTAROOT",
            Self::Replace(replace) => numbered(replace.numbering, "REPLACE", "UID REPLACE"),
            Self::Idle => "IDLE",
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Unauthenticate => "UNAUTHENTICATE",
            Self::Expunge { uids: None } => "EXPUNGE",
            Self::Expunge { uids: Some(_) } => "UID EXPUNGE",
            Self::Search(search) => numbered(search.numbering, "SEARCH", "UID SEARCH"),
            Self::CancelUpdate(_) => "CANCELUPDATE",
            Self::MultiSearch(_) => "ESEARCH",
            Self::Sort(sort) => numbered(sort.numbering, "SORT", "UID SORT"),
            Self::Thread(thread) => numbered(thread.numbering, "THREAD", "UID THREAD"),
            Self::Fetch(fetch) => numbered(fetch.numbering, "FETCH", "UID FETCH"),
            Self::Store(store) => numbered(store.numbering, "STORE", "UID STORE"),
            Self::Copy(transfer) => numbered(transfer.numbering, "COPY", "UID COPY"),
            Self::Move(transfer) => numbered(transfer.numbering, "MOVE", "UID MOVE"),
            Self::ApplePush(_) => "XAPPLEPUSHSERVICE",
            Self::PushNotify(_) => "PUSH-NOTIFY-HTTP",
            Self::GetVapid => "GETVAPID",
            Self::WebPush(_) => "WEBPUSH",
            Self::AckWebPush(_) => "ACKWEBPUSH",
            Self::ListWebPush(_) => "LWEBPUSH",
            Self::SilenceWebPush { .. } => "SILWEBPUSH",
        }
    }
}

fn numbered(numbering: Numbering, seq: &'static str, uid: &'static str) -> &'static str {
    match numbering {
        Numbering::Seq => seq,
        Numbering::Uid => uid,
    }
}

/// AUTHENTICATE and its initial response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism's name in upper case, known or not.
    pub mechanism: String,
    /// RFC 4959 §3: the initial response as it came, base64 or `=`; it holds secrets, so it does not print.
    pub initial_response: Option<Password>,
}

/// LOGIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The account's name.
    pub user: String,
    /// Its password.
    pub password: Password,
}

/// CREATE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The mailbox; a hierarchy delimiter at its end is kept.
    pub mailbox: String,
    /// RFC 6154 §3: the uses that the client asks for, with the backslash, in the client's case.
    pub special_use: Vec<String>,
}

/// How STORE changes the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOperation {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// Whether STORE answers with the new flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreAnswer {
    /// A FETCH response for each message.
    Flags,
    /// `.SILENT`: none, except what CONDSTORE demands.
    Silent,
}

/// STORE and UID STORE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// What the set's numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SeqSet,
    /// RFC 7162 §3.1.3: messages changed after this MODSEQ are left alone and named in MODIFIED.
    pub unchanged_since: Option<u64>,
    /// Replace, add or remove.
    pub operation: StoreOperation,
    /// Whether to answer.
    pub answer: StoreAnswer,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// COPY and MOVE, by sequence number or UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// What the set's numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SeqSet,
    /// Where they go.
    pub mailbox: String,
}
