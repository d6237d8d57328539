//! What the WEBPUSH commands share, one for a server: the way to the notifier, the VAPID keys, where may be posted to, and
//! how much one client may ask for.
//!
//! Limits, and what is beyond them (`NO [LIMIT]`, nothing has changed):
//! - WEBPUSH commands of one account in one minute: registering costs a push each time.
//! - Tokens under way to one host, pushed in the last ten minutes and not acknowledged: nobody must be able to have a
//!   stranger's server flooded from here (draft-gougeon-imap-webpush §10). Each account has a share of them only: the big
//!   push services serve everybody, and nobody must be able to keep the others from registering there.
//! - Subscriptions of one account, which the store counts.
//!
//! Both counts are in memory, bounded, and forgotten by a restart.

use std::collections::{BTreeMap, VecDeque};

use notifier::notifier::Handle;
use notifier::vapid::VapidKeys;
use parking_lot::Mutex;
use push_sender::policy::Policy;
use store::{AccountId, PushSubscriptionId, UnixTime};
use url::Url;

use crate::push::apple::AppleOffer;

#[cfg(test)]
mod tests;

/// How much one client may ask for.
#[derive(Clone, Copy, Debug)]
pub struct RegistrarLimits {
    /// WEBPUSH commands of one account in one minute.
    pub commands_per_minute: usize,
    /// Tokens under way to one host.
    pub tokens_per_host: usize,
    /// Those of one account among them.
    pub tokens_per_account: usize,
    /// Subscriptions of one account.
    pub subscriptions_per_account: usize,
}

impl Default for RegistrarLimits {
    fn default() -> Self {
        Self {
            commands_per_minute: 30,
            tokens_per_host: 200,
            tokens_per_account: 20,
            subscriptions_per_account: 50,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Registrar {
    /// The way to the notifier.
    pub handle: Handle,
    /// The keys of this server.
    pub keys: VapidKeys,
    /// Where may be posted to.
    pub policy: Policy,
    apple: Option<AppleOffer>,
    limits: RegistrarLimits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// When the last commands of an account came, within the minute.
    commands: BTreeMap<AccountId, VecDeque<UnixTime>>,
    /// Tokens under way by host.
    tokens: BTreeMap<String, VecDeque<Token>>,
}

/// A token under way.
#[derive(Debug)]
struct Token {
    made_at: UnixTime,
    account: AccountId,
    /// Once it is known.
    subscription: Option<PushSubscriptionId>,
}

/// Too much was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// Of one account.
    #[error("too many WEBPUSH commands in a minute, try again later")]
    Commands,
    /// To one host.
    #[error("too many unacknowledged pushes to this push service, try again later")]
    Tokens,
}

impl Registrar {
    /// A registrar that has counted nothing yet.
    #[must_use]
    pub fn new(handle: Handle, keys: VapidKeys, policy: Policy, limits: RegistrarLimits) -> Self {
        Self { handle, keys, policy, apple: None, limits, counts: Mutex::default() }
    }

    /// The same, with pushes by Apple's service offered.
    #[must_use]
    pub fn with_apple(self, apple: Option<AppleOffer>) -> Self {
        Self { apple, ..self }
    }

    /// Where Apple's push service is, if pushes by it are offered.
    #[must_use]
    pub fn apple(&self) -> Option<&AppleOffer> {
        self.apple.as_ref()
    }

    /// Subscriptions that one account may have.
    #[must_use]
    pub fn subscriptions_per_account(&self) -> usize {
        self.limits.subscriptions_per_account
    }

    /// Counts a WEBPUSH command of an account that may have a token pushed to this endpoint. [`Registrar::pushed`] or
    /// [`Registrar::not_pushed`] must follow.
    ///
    /// # Errors
    /// [`TooMany`]; then nothing has been counted.
    pub fn admit(&self, account: AccountId, endpoint: &Url, now: UnixTime) -> Result<(), TooMany> {
        let mut counts = self.counts.lock();
        counts.forget_old(now);
        let commands = counts.commands.get(&account).map_or(0, VecDeque::len);
        if commands >= self.limits.commands_per_minute {
            return Err(TooMany::Commands);
        }
        let tokens = counts.tokens.entry(host_of(endpoint)).or_default();
        let own = tokens.iter().filter(|token| token.account == account).count();
        if tokens.len() >= self.limits.tokens_per_host || own >= self.limits.tokens_per_account {
            return Err(TooMany::Tokens);
        }
        tokens.push_back(Token { made_at: now, account, subscription: None });
        counts.commands.entry(account).or_default().push_back(now);
        Ok(())
    }

    /// The token admitted last for this account and endpoint is pushed for this subscription.
    pub fn pushed(&self, account: AccountId, endpoint: &Url, subscription: PushSubscriptionId) {
        self.with_unassigned(endpoint, account, |token| token.subscription = Some(subscription));
    }

    /// No token is pushed after all.
    pub fn not_pushed(&self, account: AccountId, endpoint: &Url) {
        // An assigned time of zero is the oldest of all: the next count forgets it.
        self.with_unassigned(endpoint, account, |token| token.made_at = UnixTime(i64::MIN));
    }

    /// The subscription has been acknowledged: its tokens count no more.
    pub fn acknowledged(&self, subscription: PushSubscriptionId) {
        for tokens in self.counts.lock().tokens.values_mut() {
            tokens.retain(|token| token.subscription != Some(subscription));
        }
    }

    fn with_unassigned(&self, endpoint: &Url, account: AccountId, change: impl FnOnce(&mut Token)) {
        let mut counts = self.counts.lock();
        let tokens = counts.tokens.get_mut(&host_of(endpoint)).into_iter().flatten();
        let is_meant = |token: &&mut Token| token.account == account && token.subscription.is_none();
        if let Some(token) = tokens.rev().find(is_meant) {
            change(token);
        }
    }
}

impl Counts {
    /// Drops what no longer counts, so that only the busy ones are kept.
    fn forget_old(&mut self, now: UnixTime) {
        let since = |seconds: i64| UnixTime(now.0.saturating_sub(seconds));
        self.commands.retain(|_, commands| {
            commands.retain(|&at| at > since(60));
            !commands.is_empty()
        });
        self.tokens.retain(|_, tokens| {
            tokens.retain(|token| token.made_at > since(TOKEN_SECONDS));
            !tokens.is_empty()
        });
    }
}

fn host_of(endpoint: &Url) -> String {
    endpoint.host_str().unwrap_or_default().to_ascii_lowercase()
}

/// draft-gougeon-imap-webpush §6.4: how long a token is valid.
pub(crate) const TOKEN_SECONDS: i64 = 600;
