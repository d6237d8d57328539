//! The store's calls. What stands behind them is in `sqlite`.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Access, Account, AccountChanges, AccountId, Changes, Columns, Credential, CredentialId, Delivered,
    Delivery, FlagChange, Keywords, Mailbox, MailboxChanges, MailboxId, MailboxName, MessageId, MessageRow,
    ModSeq, NewAccount, NewMessage, NewPushSubscription, Placed, PushProgress, PushSubscription,
    PushSubscriptionId, PushVerdict, PutPushSubscription, Result, SpecialUse, Uid, UnixTime, View,
};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory with `mail.sqlite` and `blobs/`; made if it is not there (mode 0700).
    pub data_dir: PathBuf,
    /// Connections for reading, each a thread at most.
    pub readers: usize,
}

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was written by a later version.
    #[error(
        "the store has schema version {found}, this program knows versions up to {known}: use a newer mailbell"
    )]
    Newer {
        /// The version in the store.
        found: u32,
        /// The newest one that this program knows.
        known: u32,
    },
    /// Anything else.
    #[error("can't open the store in {dir}: {why}")]
    Failed {
        /// Where.
        dir: PathBuf,
        /// What went wrong.
        why: String,
    },
}

/// What [`Store::check`] found. Empty lists are what it should be.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// Accounts looked at.
    pub accounts: u64,
    /// Messages looked at.
    pub messages: u64,
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<()>,
}
#[allow(unused)]
macro_rules! api { ($($(#[$m:meta])* fn $name:ident($($arg:ident : $ty:ty),*) -> $ret:ty;)*) => {
    impl Store { $( $(#[$m])* pub async fn $name(&self $(, $arg: $ty)*) -> $ret { $(let _ = $arg;)* unimplemented!() } )* }
} }

impl Store {
    /// Opens the store, making or migrating it as needed. Commits wake `bus` with the account's number.
    pub async fn open(options: Options, bus: bus::Bus) -> std::result::Result<Self, OpenError> {
        let _ = (options, bus);
        unimplemented!()
    }
    /// Rights of the system itself on an account: delivery, command line, notifier.
    pub fn system_access(&self, account: AccountId) -> Access {
        let _ = account;
        unimplemented!()
    }
}

api! {
    // ---- lifecycle ----
    /// Answers what waits, flushes what is lazy, checkpoints and closes. Later calls say Unavailable.
    fn close() -> Result<()>;
    /// Recomputes what is derived and compares. Works beside a running server.
    fn check() -> Result<CheckReport>;
    /// An online copy (database and blob files) into an empty or new directory.
    fn backup(directory: PathBuf) -> Result<()>;
    /// The store's epoch: raised by a restore, part of JMAP states.
    fn epoch() -> Result<u64>;

    // ---- accounts and credentials ----
    fn create_account(new: NewAccount<'_>) -> Result<Account>;
    fn accounts() -> Result<Vec<Account>>;
    fn account(id: AccountId) -> Result<Account>;
    /// By name or alias, without regard to ASCII case. `alice` also matches `alice@HOSTNAME` only as the caller (delivery, login) asks both.
    fn account_named(name: &str) -> Result<Option<Account>>;
    fn remove_account(id: AccountId) -> Result<()>;
    fn set_quota(id: AccountId, quota_bytes: Option<u64>) -> Result<()>;
    fn add_alias(id: AccountId, alias: &str) -> Result<()>;
    fn remove_alias(id: AccountId, alias: &str) -> Result<()>;
    fn set_password(id: AccountId, password: &str) -> Result<()>;
    fn add_app_password(id: AccountId, name: &str, password: &str) -> Result<Credential>;
    fn credentials(id: AccountId) -> Result<Vec<Credential>>;
    /// Revokes an app password; its push subscriptions go with it.
    fn revoke_credential(id: AccountId, credential: CredentialId) -> Result<()>;
    /// Argon2id off the async threads; costs the same for unknown names. `None`: wrong name or password.
    fn authenticate(name: &str, password: &str) -> Result<Option<Access>>;
    /// What a credential may do now; NotFound once it is revoked.
    fn access_of_credential(account: AccountId, credential: CredentialId) -> Result<Access>;

    // ---- mailboxes ----
    fn mailboxes(access: &Access) -> Result<Vec<Mailbox>>;
    fn mailbox(access: &Access, id: MailboxId) -> Result<Mailbox>;
    fn mailbox_named(access: &Access, name: &MailboxName) -> Result<Mailbox>;
    /// Makes missing parents too.
    fn create_mailbox(access: &Access, name: &MailboxName, special_use: Option<SpecialUse>) -> Result<(Mailbox, Changes)>;
    /// With its children. INBOX: RFC 9051 §6.3.6 (its messages move to the new name, INBOX stays, empty).
    fn rename_mailbox(access: &Access, from: &MailboxName, to: &MailboxName) -> Result<Changes>;
    /// Refused for INBOX and for one with children.
    fn delete_mailbox(access: &Access, id: MailboxId) -> Result<Changes>;
    fn set_subscribed(access: &Access, name: &MailboxName, subscribed: bool) -> Result<Changes>;
    /// Names subscribed to, whether or not such a mailbox is there now (RFC 9051 §6.3.7).
    fn subscribed_names(access: &Access) -> Result<Vec<MailboxName>>;

    // ---- messages: writing ----
    /// Puts one message into one mailbox.
    fn append(access: &Access, message: NewMessage) -> Result<Delivered>;
    /// Puts several into one mailbox in one commit: all or none.
    fn append_many(access: &Access, messages: Vec<NewMessage>) -> Result<(Vec<Placed>, Changes)>;
    /// One message to several accounts, its blob stored once; one outcome for each recipient, in order.
    fn deliver(deliveries: Vec<Delivery>) -> Vec<Result<Delivered>>;
    /// Returns what the messages have now (also when nothing changed) and, with `unchanged_since`, the UIDs that had changed since (left alone).
    fn store_flags(access: &Access, mailbox: MailboxId, uids: Vec<Uid>, change: FlagChange, unchanged_since: Option<ModSeq>) -> Result<(Vec<crate::Entry>, Vec<Uid>, Changes)>;
    /// Pairs of (UID there, placed), ascending by source UID. Unknown UIDs are passed over.
    fn copy(access: &Access, from: MailboxId, uids: Vec<Uid>, to: MailboxId) -> Result<(Vec<(Uid, Placed)>, Changes)>;
    fn move_messages(access: &Access, from: MailboxId, uids: Vec<Uid>, to: MailboxId) -> Result<(Vec<(Uid, Placed)>, Changes)>;
    /// Those with `\Deleted`, of `only` if given. Returns what is gone.
    fn expunge(access: &Access, mailbox: MailboxId, only: Option<Vec<Uid>>) -> Result<(Vec<Uid>, Changes)>;

    // ---- messages: reading ----
    fn view(access: &Access, mailbox: MailboxId) -> Result<Arc<View>>;
    fn keywords(access: &Access) -> Result<Keywords>;
    fn mailbox_changes(access: &Access, mailbox: MailboxId, since: ModSeq) -> Result<MailboxChanges>;
    /// In ascending order of UID; unknown UIDs are passed over. Ask for at most a few hundred at a time.
    fn messages(access: &Access, mailbox: MailboxId, uids: Vec<Uid>, columns: Columns) -> Result<Vec<MessageRow>>;
    fn raw(access: &Access, message: MessageId) -> Result<Bytes>;

    // ---- change log ----
    fn modseq(access: &Access) -> Result<ModSeq>;
    /// At most about `limit` changes, cut at a commit.
    fn changes_since(access: &Access, since: ModSeq, limit: usize) -> Result<AccountChanges>;

    // ---- push subscriptions ----
    /// Creates or updates. A new one, an altered one and one that is active under another VAPID key are Pending afterwards; the cursor of an existing one stays.
    fn put_push_subscription(access: &Access, new: NewPushSubscription) -> Result<PutPushSubscription>;
    fn remove_push_subscription(access: &Access, kind: crate::PushKind, client_id: &str) -> Result<bool>;
    /// Those of the access's credential; of all credentials for the main password.
    fn push_subscriptions(access: &Access) -> Result<Vec<PushSubscription>>;
    /// `None`: unknown or expired. A first acknowledgement puts the cursor at the account's MODSEQ of now; a later one leaves it.
    fn acknowledge_push_subscription(access: &Access, token: &str, vapid_key: &str, now: UnixTime) -> Result<Option<PushSubscription>>;
    /// `None` ends a silence. NotFound if unknown; Refused by the caller if inactive.
    fn silence_push_subscription(access: &Access, id: PushSubscriptionId, until: Option<UnixTime>) -> Result<PushSubscription>;
    /// For the notifier: one.
    fn push_subscription(id: PushSubscriptionId) -> Result<PushSubscription>;
    /// For the notifier: those of one account.
    fn account_push_subscriptions(account: AccountId) -> Result<Vec<PushSubscription>>;
    /// For the notifier at its start and its sweep: those that may be due (cursor behind, token or notice unsent, silence over) by `next_attempt_at`, in pages after an id.
    fn due_push_subscriptions(now: UnixTime, after: Option<PushSubscriptionId>, limit: usize) -> Result<Vec<PushSubscription>>;
    /// Lazy and batched.
    fn record_push_progress(progress: Vec<PushProgress>) -> Result<()>;
    /// Durable at once.
    fn judge_push_subscription(id: PushSubscriptionId, verdict: PushVerdict) -> Result<()>;
    /// The VAPID key was rotated: pending tokens of the old key are void; active subscriptions get a notice, spread by the notifier.
    fn rotate_vapid(old_key: &str, new_key: &str) -> Result<u64>;
    /// The old key is gone: deactivates what was acknowledged with it.
    fn drop_vapid(old_key: &str) -> Result<u64>;
}
