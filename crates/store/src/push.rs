//! Push subscriptions: where an account's changes are posted to, and how far each has been told.

use std::collections::BTreeMap;

use crate::{AccountId, CredentialId, ModSeq, PushSubscriptionId, UnixTime};

/// A push subscription of an account (RFC 8030's subscription, seen from the application server).
///
/// The endpoint and the keys are capabilities: `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct PushSubscription {
    /// Its id in the store.
    pub id: PushSubscriptionId,
    /// Whose changes.
    pub account: AccountId,
    /// Which credential made it; it dies with that one.
    pub credential: CredentialId,
    /// Which protocol made it and composes for it.
    pub kind: PushKind,
    /// The id that the client gave (a digest for kinds whose clients give none), unique within account and kind,
    /// case-sensitive.
    pub client_id: String,
    /// What its user calls it; empty for nothing yet.
    pub name: String,
    /// The push resource, an https URL.
    pub endpoint: String,
    /// The user agent's P-256 public key, uncompressed point of 65 bytes.
    pub public_key: Vec<u8>,
    /// The authentication secret, 16 bytes.
    pub auth: Vec<u8>,
    /// Capabilities that were ENABLEd when it was made, upper case, ascending; shapes what is composed.
    pub enabled: Vec<String>,
    /// Whether it has been acknowledged, and with which VAPID key.
    pub state: PushState,
    /// When it was made or last altered by the client.
    pub updated_at: UnixTime,
    /// No push before this; `None` or past is "not silenced".
    pub silenced_until: Option<UnixTime>,
    /// The MODSEQ that the device has been told about.
    pub cursor: ModSeq,
    /// The same of others' mailboxes that the user is subscribed to.
    pub elsewhere: CursorsElsewhere,
    /// The MODSEQ at which a timed silence began: if something that counts changed after it, one SYNC is due when it ends.
    pub silenced_at: Option<ModSeq>,
    /// A `* VAPID` notice with this key's id has to be sent with the old key.
    pub vapid_notice: Option<String>,
    /// What is to be posted, for kinds whose clients say so; empty for IMAP's Web Push.
    pub request: String,
    /// What the client calls its device, for JMAP; else empty.
    pub device: String,
    /// The code that has proven the endpoint, for JMAP, whose clients may ask for it; else empty.
    pub code: String,
    /// It ends then; `None`: never by itself.
    pub expires_at: Option<UnixTime>,
    /// How the last attempts went.
    pub attempts: PushAttempts,
}

impl std::fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushSubscription")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("kind", &self.kind)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

/// Which protocol a subscription belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PushKind {
    /// IMAP WEBPUSH.
    ImapWebPush,
    /// PUSH-NOTIFY-HTTP=PUT: one HTTP PUT, then nothing until it is asked for again.
    HttpPut,
    /// XAPPLEPUSHSERVICE: pushes by Apple's service.
    Apple,
    /// JMAP (RFC 8620 §7.2). Its rows end where those of others become inactive.
    Jmap,
}

impl PushKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::ImapWebPush, Self::HttpPut, Self::Apple, Self::Jmap];

    /// Its name, for people and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ImapWebPush => "webpush",
            Self::HttpPut => "http-put",
            Self::Apple => "apple",
            Self::Jmap => "jmap",
        }
    }
}

/// Where a subscription is in its life.
#[derive(Clone, PartialEq, Eq)]
pub enum PushState {
    /// Not acknowledged; the token has been, or has to be, pushed. Nothing else may be.
    Pending {
        /// What the client must send back, and until when. Compared in constant time.
        token: String,
        /// When the token ends.
        expires_at: UnixTime,
        /// Whether the push with the token has been taken by the push service.
        sent: bool,
        /// The VAPID key to be acknowledged under; empty for pushes that are not signed.
        vapid_key: String,
    },
    /// Acknowledged under this VAPID key.
    Active {
        /// The VAPID key's id (its public key in base64url).
        vapid_key: String,
    },
    /// Deactivated: its VAPID key is gone, its token expired, or too many attempts failed.
    Inactive,
}

impl std::fmt::Debug for PushState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pending { sent: false, .. } => "Pending(unsent)",
            Self::Pending { .. } => "Pending",
            Self::Active { .. } => "Active",
            Self::Inactive => "Inactive",
        })
    }
}

/// How the attempts for a subscription went: what a user may see of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushAttempts {
    /// Failures in a row.
    pub failures: u32,
    /// No attempt before this.
    pub next_attempt_at: Option<UnixTime>,
    /// When a push service last took a push.
    pub last_push_at: Option<UnixTime>,
    /// What the push service last answered: `201`, `429`, `timeout`, ...
    pub last_answer: Option<String>,
    /// When that was.
    pub last_answer_at: Option<UnixTime>,
}

/// What a user changes about a subscription of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushEdit {
    /// What to call it: at most [`PUSH_NAME_CHARACTERS_MAX`], no control characters; empty for nothing.
    pub name: Option<String>,
    /// Whether it is to be silent.
    pub silence: Option<PushSilence>,
}

/// A timed silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushSilence {
    /// No push before this.
    Until(UnixTime),
    /// It ends now, if there is one.
    Over,
}

/// Characters of what a user calls a subscription; a longer name is Invalid.
pub const PUSH_NAME_CHARACTERS_MAX: usize = 100;

/// What a client asks for with WEBPUSH.
#[derive(Clone)]
pub struct NewPushSubscription {
    /// Subscriptions that the account may have, this one included; one more is refused with Limit.
    pub account_max: usize,
    /// Which protocol.
    pub kind: PushKind,
    /// The client's id.
    pub client_id: String,
    /// The push resource.
    pub endpoint: String,
    /// 65 bytes.
    pub public_key: Vec<u8>,
    /// 16 bytes.
    pub auth: Vec<u8>,
    /// ENABLEd capabilities.
    pub enabled: Vec<String>,
    /// The VAPID key in force: a subscription that is active under another one is deactivated.
    pub vapid_key: String,
    /// The token to use if it has to be acknowledged.
    pub token: String,
    /// When the token ends.
    pub expires_at: UnixTime,
}

/// What a client asks for whose pushes are not Web Pushes: no keys, and a request that is kept for it.
#[derive(Clone)]
pub struct NewPushRequest {
    /// Subscriptions that the account may have, this one included; one more is refused with Limit.
    pub account_max: usize,
    /// Which protocol.
    pub kind: PushKind,
    /// What makes it one of its kind in the account; only a digest of it is kept as the client's id.
    pub identity: String,
    /// Where requests go to.
    pub endpoint: String,
    /// What is to be posted, at most 4,096 bytes.
    pub request: String,
    /// A version that has to be above all that the endpoint has been told; Invalid if it is not.
    pub version: Option<u64>,
    /// How the endpoint is known to be the client's own.
    pub proof: EndpointProof,
}

/// What a client asks for with PushSubscription/set.
#[derive(Clone)]
pub struct NewJmapSubscription {
    /// Subscriptions that the account may have, this one included; one more is refused with Limit.
    pub account_max: usize,
    /// Its id: random, so that it says nothing of others'.
    pub id: String,
    /// What the client calls its device, at most 255 bytes.
    pub device: String,
    /// The push resource.
    pub endpoint: String,
    /// 65 bytes; empty for pushes that are not encrypted.
    pub public_key: Vec<u8>,
    /// 16 bytes; empty for pushes that are not encrypted.
    pub auth: Vec<u8>,
    /// What is to be pushed, at most 16 KiB.
    pub request: String,
    /// The VAPID key in force.
    pub vapid_key: String,
    /// What the client has to show, once it has been pushed to it.
    pub code: String,
    /// When the code ends.
    pub code_expires_at: UnixTime,
    /// When the subscription ends.
    pub expires_at: UnixTime,
}

/// What a client changes of a subscription of JMAP; what is `None` stays.
#[derive(Clone, Default)]
pub struct JmapSubscriptionEdit {
    /// When it ends.
    pub expires_at: Option<UnixTime>,
    /// What is to be pushed, at most 16 KiB.
    pub request: Option<String>,
    /// The code that was pushed to it. Compared in constant time.
    pub code: Option<String>,
}

/// What became of a [`JmapSubscriptionEdit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditedJmapSubscription {
    /// It is as it stands now.
    Done(Box<PushSubscription>),
    /// The code was wrong, or too old: nothing has changed. After [`WRONG_CODES_MAX`] of them the subscription is gone.
    WrongCode,
}

/// How an endpoint is known to be the client's own.
#[derive(Clone)]
pub enum EndpointProof {
    /// It can't be anybody else's.
    NotNeeded,
    /// By a token that is put there and confirmed by the client.
    Token {
        /// The token to use if there is no proof yet, or an old one.
        token: String,
        /// When the token ends.
        expires_at: UnixTime,
        /// A proof from before this is an old one.
        not_before: UnixTime,
    },
}

/// What [`crate::Store::put_push_subscription`] did.
#[derive(Clone, Debug)]
pub struct PutPushSubscription {
    /// As it stands now.
    pub subscription: PushSubscription,
    /// Whether it has to be acknowledged (new, altered, or its VAPID key was rotated): push the token.
    pub must_acknowledge: bool,
}

/// A cursor to store, lazily: losing it means a push too many, nothing worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushProgress {
    /// Which subscription.
    pub id: PushSubscriptionId,
    /// The new cursor; a lower one than stored is ignored.
    pub cursor: ModSeq,
    /// The new cursors of others' mailboxes; those that are lower than stored, or not stored, are ignored.
    pub elsewhere: CursorsElsewhere,
    /// How it went.
    pub attempts: PushAttempts,
}

/// How far a device has been told of others' mailboxes, by the account whose they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CursorsElsewhere(BTreeMap<AccountId, ModSeq>);

impl CursorsElsewhere {
    /// All of them, by account.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, ModSeq)> {
        self.0.iter().map(|(&owner, &cursor)| (owner, cursor))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The device has been told of this account's mailboxes up to here. It never goes back.
    pub fn note(&mut self, owner: AccountId, cursor: ModSeq) {
        let known = self.0.entry(owner).or_default();
        *known = cursor.max(*known);
    }

    /// Notes all of `later`.
    pub fn merge(&mut self, later: &Self) {
        later.iter().for_each(|(owner, cursor)| self.note(owner, cursor));
    }

    /// Notes those of `later` that there are cursors for here: the others are gone.
    pub fn advance(&mut self, later: &Self) {
        for (owner, cursor) in &mut self.0 {
            *cursor = later.0.get(owner).map_or(*cursor, |&later| later.max(*cursor));
        }
    }
}

impl FromIterator<(AccountId, ModSeq)> for CursorsElsewhere {
    fn from_iter<I: IntoIterator<Item = (AccountId, ModSeq)>>(cursors: I) -> Self {
        let mut all = Self::default();
        cursors.into_iter().for_each(|(owner, cursor)| all.note(owner, cursor));
        all
    }
}

/// A durable change to a subscription by the notifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushVerdict {
    /// The push service took the token.
    TokenSent,
    /// The push service took the `* VAPID` notice.
    NoticeSent,
    /// The one push that was asked for has been taken: inactive until it is asked for again.
    Fired,
    /// The push service says that it is gone, or refuses it: remove.
    Remove,
    /// Too many failures, or its VAPID key is gone: deactivate.
    Deactivate,
    /// The timed silence is over and has been told (or needs no telling).
    SilenceOver,
}

/// Wrong codes that a subscription of JMAP outlives less one.
pub const WRONG_CODES_MAX: u32 = 5;
