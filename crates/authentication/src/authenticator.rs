//! Names, passwords, tokens and masters: whose access an attempt ends in.
//!
//! An account may be called `alice` or `alice@example.org`; with the server's own name behind the @, a user may write
//! either. A *master* is an account that may open every other one, with its main password and the other's name as
//! authorization identity; who can't give one writes `alice*master` as their name. App passwords of a master open
//! only its own account, so that a lost phone of an operator is not everybody's, and so do its tokens.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use admission::guessing::Guessing;
use admission::peer::Peer;
use store::{Access, Account, RevocationMark, ScramRecord, Store, UnixTime};

use crate::attempt::{Attempt, Rejection};
use crate::bearer::{Advice, Bearer, INSUFFICIENT_SCOPE};
use crate::plain::Plain;
use crate::token::Tokens;
use crate::{Bindings, Channel, Exchange, Mechanism, Refusal};

/// How to authenticate.
#[derive(Clone)]
pub struct Options {
    /// The server's name: `user@hostname` and `user` are the same.
    pub hostname: String,
    /// Accounts that may open every other one.
    pub masters: Vec<String>,
    /// Who judges tokens; `None` if none are taken.
    pub tokens: Option<Tokens>,
    /// Slows down who guesses.
    pub guessing: Arc<Guessing>,
}

/// Who it is that was let in.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// To the account that is acted as.
    pub access: Access,
    /// The master who acts as that account; `None` for itself.
    pub master: Option<String>,
    /// When the proof ends, and the session with it; `None` if it does not.
    pub until: Option<UnixTime>,
    /// Where the list of revocations ended before the proof was looked at: what comes after it ends the session.
    pub began: RevocationMark,
}

/// Looks names up and compares. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    options: Arc<Options>,
    /// In the form of [`Authenticator::canonical`].
    masters: Arc<BTreeSet<String>>,
}

impl Authenticator {
    /// One over the credentials of a store.
    #[must_use]
    pub fn new(store: Store, options: Options) -> Self {
        let masters = options.masters.iter().map(|name| canonical(name, &options.hostname)).collect();
        Self { store, options: Arc::new(options), masters: Arc::new(masters) }
    }

    /// The mechanisms that such a connection can use, the strongest first.
    pub fn mechanisms(&self, channel: Channel) -> impl Iterator<Item = Mechanism> {
        let takes_tokens = self.options.tokens.is_some();
        let offered =
            Mechanism::ALL.into_iter().filter(move |mechanism| takes_tokens || !mechanism.takes_token());
        offered.filter(move |mechanism| mechanism.works_on(channel))
    }

    /// Begins an exchange with a peer, `None` if it is not counted. The caller has checked that the connection may use the
    /// mechanism.
    #[must_use]
    pub fn begin(&self, mechanism: Mechanism, bindings: Bindings, peer: Option<Peer>) -> Exchange {
        Exchange::new(Attempt::new(self.clone(), mechanism, peer), bindings)
    }

    /// Name and password, as PLAIN, IMAP's LOGIN and HTTP's Basic (RFC 7617) show them.
    ///
    /// # Errors
    /// WrongCredentials, NotAuthorized, Banned, Unavailable.
    pub async fn password(&self, shown: Plain<'_>, peer: Option<Peer>) -> Result<Authenticated, Rejection> {
        let mut attempt = Attempt::new(self.clone(), Mechanism::Plain, peer);
        let result = self.check_password(shown, &mut attempt).await;
        attempt.settle(result)
    }

    /// A token, as HTTP's Bearer (RFC 6750) shows it, for the account that it names.
    ///
    /// # Errors
    /// InvalidToken, Expired, InsufficientScope, NotAuthorized, Banned, Unavailable.
    pub async fn token(&self, token: &str, peer: Option<Peer>) -> Result<Authenticated, Rejection> {
        let mut attempt = Attempt::new(self.clone(), Mechanism::OAuthBearer, peer);
        let result = self.check_token(Bearer { user: "", token }, &mut attempt).await;
        attempt.settle(result)
    }

    /// Who guesses, and who is banned for it. Shared with whoever refuses connections.
    #[must_use]
    pub fn guessing(&self) -> &Arc<Guessing> {
        &self.options.guessing
    }

    /// What to tell a client that was refused for its token; `None` if tokens are not taken or that was not it.
    #[must_use]
    pub fn advice(&self, refusal: &Refusal) -> Option<Advice<'_>> {
        let status = match refusal {
            Refusal::InvalidToken | Refusal::Expired => "invalid_token",
            Refusal::InsufficientScope => INSUFFICIENT_SCOPE,
            _ => return None,
        };
        self.options.tokens.as_ref().map(|tokens| tokens.advice(status))
    }

    pub(crate) async fn revocation_mark(&self) -> Result<RevocationMark, Refusal> {
        Ok(self.store.revocation_mark().await?)
    }

    pub(crate) async fn check_password(
        &self,
        shown: Plain<'_>,
        attempt: &mut Attempt,
    ) -> Result<Authenticated, Refusal> {
        let who = self.identities(shown.authzid, shown.authcid);
        let name = self.name(who.authcid).await?;
        let began = attempt.asks_for(&name).await?;
        let access = self.store.authenticate(&name, shown.password).await?;
        self.act_as(access.ok_or(Refusal::WrongCredentials)?, who.authzid, began).await
    }

    pub(crate) async fn check_token(
        &self,
        shown: Bearer<'_>,
        attempt: &mut Attempt,
    ) -> Result<Authenticated, Refusal> {
        let tokens =
            self.options.tokens.as_ref().filter(|_| !shown.token.is_empty()).ok_or(Refusal::InvalidToken)?;
        let began = attempt.shows_token().await?;
        let grant = tokens.check(shown.token, now()).await?;
        let owner = self.account(&grant.account).await?.ok_or(Refusal::NotAuthorized)?;
        if !shown.user.is_empty()
            && self.account(shown.user).await?.is_none_or(|wanted| wanted.id != owner.id)
        {
            return Err(Refusal::NotAuthorized);
        }
        let access = self.store.access_of_entitled(owner.id).await?;
        Ok(Authenticated { access, master: None, until: grant.until, began })
    }

    /// What a SCRAM exchange for the password of this name needs.
    pub(crate) async fn scram(
        &self,
        authcid: &str,
        attempt: &mut Attempt,
    ) -> Result<(ScramRecord, RevocationMark), Refusal> {
        let name = self.name(authcid).await?;
        let began = attempt.asks_for(&name).await?;
        Ok((self.store.scram(&name).await?, began))
    }

    /// The end of a SCRAM exchange: the credential that was proven.
    pub(crate) async fn proven(&self, record: &ScramRecord, index: usize) -> Result<Access, Refusal> {
        let found = record.account.as_ref().and_then(|(id, keys)| Some((*id, keys.get(index)?.0)));
        let (account, credential) = found.ok_or(Refusal::WrongCredentials)?;
        Ok(self.store.access_of_proven(account, credential).await?)
    }

    /// Whose password is meant and whom to act as, with `account*master` taken apart.
    pub(crate) fn identities<'n>(&self, authzid: &'n str, authcid: &'n str) -> Identities<'n> {
        match authcid.rsplit_once('*') {
            Some((account, master)) if authzid.is_empty() && self.is_master(master) => {
                Identities { authzid: account, authcid: master }
            }
            _ => Identities { authzid, authcid },
        }
    }

    /// From the access that was proven to the one that is wanted.
    pub(crate) async fn act_as(
        &self,
        access: Access,
        authzid: &str,
        began: RevocationMark,
    ) -> Result<Authenticated, Refusal> {
        let wanted = if authzid.is_empty() { None } else { self.account(authzid).await? };
        let is_own = wanted.as_ref().is_some_and(|wanted| wanted.id == access.owner());
        if is_own || authzid.is_empty() {
            return Ok(Authenticated { access, master: None, until: None, began });
        }
        let master = self.store.account(access.owner()).await?.name;
        match wanted {
            Some(wanted) if access.is_main() && self.is_master(&master) => {
                let access = self.store.access_of_entitled(wanted.id).await?;
                Ok(Authenticated { access, master: Some(master), until: None, began })
            }
            // The same for an account that is not there, so that nobody learns which are.
            _ => Err(Refusal::NotAuthorized),
        }
    }

    fn is_master(&self, name: &str) -> bool {
        self.masters.contains(&canonical(name, &self.options.hostname))
    }

    /// The name under which the store knows an account; for an unknown one always the same, however it is written.
    async fn name(&self, written: &str) -> Result<String, Refusal> {
        let known = self.account(written).await?;
        Ok(known.map_or_else(|| canonical(written, &self.options.hostname), |account| account.name))
    }

    /// The account of this name or alias, written with the server's name or without, prepared or not.
    async fn account(&self, written: &str) -> Result<Option<Account>, Refusal> {
        let prepared = prepared(written);
        let hostname = &self.options.hostname;
        let other = match prepared.rsplit_once('@') {
            Some((local, domain)) if domain.eq_ignore_ascii_case(hostname) => Some(local.to_owned()),
            Some(_) => None,
            None => Some(format!("{prepared}@{hostname}")),
        };
        let is_changed = prepared != written;
        for name in [Some(written), is_changed.then_some(&*prepared), other.as_deref()].into_iter().flatten()
        {
            if let Some(account) = self.store.account_named(name).await? {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }
}

/// Who is who in an attempt.
pub(crate) struct Identities<'n> {
    /// Whom to act as; empty for oneself.
    pub(crate) authzid: &'n str,
    /// Whose password it is.
    pub(crate) authcid: &'n str,
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// A name as RFC 4013 prepares it; one that can't be prepared, as it is.
fn prepared(name: &str) -> Cow<'_, str> {
    stringprep::saslprep(name).unwrap_or(Cow::Borrowed(name))
}

/// Without the server's name and in lower case.
fn canonical(name: &str, hostname: &str) -> String {
    let name = prepared(name).to_ascii_lowercase();
    match name.rsplit_once('@') {
        Some((local, domain)) if domain.eq_ignore_ascii_case(hostname) => local.to_owned(),
        _ => name,
    }
}
