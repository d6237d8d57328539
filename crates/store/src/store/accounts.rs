//! Accounts, names and credentials.

use zeroize::Zeroizing;

use crate::password::{Known, PASSWORD_BYTES_MAX, Proof, prepared};
use crate::scram::Salts;
use crate::sqlite::accounts::{self, Naming, NewRow};
use crate::sqlite::{credentials, revocations};
use crate::{
    Access, Account, AccountId, Credential, CredentialId, CredentialKind, Error, NewAccount, Result,
    Revocation, RevocationMark, ScramRecord, Store, UnixTime,
};

impl Store {
    /// Makes an account with its mailboxes.
    ///
    /// # Errors
    /// Exists if the name is taken (also as an alias), Invalid for a name or password that can't be.
    pub async fn create_account(&self, new: NewAccount<'_>) -> Result<Account> {
        check_name("account name", new.name)?;
        check_password(new.password)?;
        let salts = Salts::new()?;
        let proof = self.prove(new.password, salts).await?;
        let row = NewRow { name: new.name.to_owned(), quota_bytes: new.quota_bytes, salts, proof };
        self.write(move |tx| accounts::create(tx, &row)).await
    }

    /// Every account, in the order they were made.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        self.read(accounts::all).await
    }

    /// One account.
    ///
    /// # Errors
    /// NotFound.
    pub async fn account(&self, id: AccountId) -> Result<Account> {
        self.read(move |sql| accounts::one(sql, id)).await
    }

    /// By name or alias, without regard to ASCII case. `alice` also matches `alice@HOSTNAME` only as the caller
    /// (delivery, login) asks both.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn account_named(&self, name: &str) -> Result<Option<Account>> {
        let name = name.to_owned();
        self.read(move |sql| accounts::named(sql, &name)?.map(|id| accounts::one(sql, id)).transpose()).await
    }

    /// Removes an account with its credentials and push subscriptions at once, its mail in the background.
    ///
    /// # Errors
    /// NotFound.
    pub async fn remove_account(&self, id: AccountId) -> Result<()> {
        self.write(move |tx| accounts::remove(tx, id)).await
    }

    /// Sets the quota in bytes; `None` lifts it. What is over it stays, nothing more comes in.
    ///
    /// # Errors
    /// NotFound.
    pub async fn set_quota(&self, id: AccountId, quota_bytes: Option<u64>) -> Result<()> {
        self.write(move |tx| accounts::set_quota(tx, id, quota_bytes)).await
    }

    /// Adds a further name; at most 1,000 of them. `@example.org` is the catch-all of a domain, which the caller asks for.
    ///
    /// # Errors
    /// NotFound for the account, Exists if any account has the name, Limit, Invalid.
    pub async fn add_alias(&self, id: AccountId, alias: &str) -> Result<()> {
        check_name("alias", alias)?;
        let alias = alias.to_owned();
        self.write(move |tx| accounts::add_name(tx, id, &alias, Naming::Alias)).await
    }

    /// Takes a further name away.
    ///
    /// # Errors
    /// NotFound if it is not one of this account's aliases.
    pub async fn remove_alias(&self, id: AccountId, alias: &str) -> Result<()> {
        let alias = alias.to_owned();
        self.write(move |tx| accounts::remove_alias(tx, id, &alias)).await
    }

    /// Sets the main password. What stood on the old one ends: sessions ([`Store::revocations_since`]) and push
    /// subscriptions. App passwords stay.
    ///
    /// # Errors
    /// NotFound, Invalid.
    pub async fn set_password(&self, id: AccountId, password: &str) -> Result<()> {
        check_password(password)?;
        let salts = self.read(move |sql| credentials::salts(sql, id)).await?;
        let proof = self.prove(password, salts).await?;
        self.write(move |tx| credentials::set_main(tx, id, &proof)).await
    }

    /// Adds a password for one device or program; at most 100 of them, each with a name of its own.
    ///
    /// # Errors
    /// NotFound, Exists, Limit, Invalid.
    pub async fn add_app_password(&self, id: AccountId, name: &str, password: &str) -> Result<Credential> {
        if name.is_empty() || name.len() > CREDENTIAL_NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(Error::Invalid {
                what: "app password's name",
                why: "not 1 to 255 printable bytes".into(),
            });
        }
        check_password(password)?;
        let salts = self.read(move |sql| credentials::salts(sql, id)).await?;
        let proof = self.prove(password, salts).await?;
        let name = name.to_owned();
        self.write(move |tx| {
            credentials::salts(tx.sql, id)?;
            credentials::insert(tx, id, CredentialKind::App, &name, &proof)
        })
        .await
    }

    /// Where the list of revocations ends now: to be read before a password is looked at.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn revocation_mark(&self) -> Result<RevocationMark> {
        self.read(revocations::mark).await
    }

    /// What has been revoked after a mark, by whatever process, in order. Kept for a week.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn revocations_since(&self, mark: RevocationMark) -> Result<Vec<Revocation>> {
        self.read(move |sql| revocations::since(sql, mark)).await
    }

    /// Hands what is revoked from now on to `end`, for ever. The list is read every two seconds, since another process may
    /// have added to it; so what is revoked goes on for so long at most, and a little.
    pub async fn follow_revocations(&self, end: impl Fn(&[Revocation])) {
        let mut mark = None;
        loop {
            let read = match mark {
                None => self.revocation_mark().await.map(|now| (now, Vec::new())),
                Some(mark) => self.revocations_since(mark).await.map(|all| (mark, all)),
            };
            match read {
                Ok((before, revocations)) => {
                    end(&revocations);
                    mark = Some(revocations.last().map_or(before, |last| last.mark));
                }
                // The store is busy or closed: there is a next time.
                Err(error) => tracing::debug!(%error, "revocations not read"),
            }
            tokio::time::sleep(REVOCATIONS_INTERVAL).await;
        }
    }

    /// An account's credentials, the main password first.
    ///
    /// # Errors
    /// NotFound.
    pub async fn credentials(&self, id: AccountId) -> Result<Vec<Credential>> {
        let lazy = self.inner.lazy().clone();
        self.read(move |sql| {
            accounts::modseq(sql, id)?;
            let mut all = credentials::all(sql, id)?;
            all.iter_mut().for_each(|credential| lazy.overlay_use(credential));
            Ok(all)
        })
        .await
    }

    /// Revokes an app password; its push subscriptions go with it.
    ///
    /// # Errors
    /// NotFound, also for the main password, which can only be changed.
    pub async fn revoke_credential(&self, id: AccountId, credential: CredentialId) -> Result<()> {
        self.write(move |tx| credentials::revoke(tx, id, credential)).await
    }

    /// Whose name and password these are; `None` if nobody's. Costs one Argon2id (some 20 ms of CPU), also for an
    /// unknown name; what was right within the last ten minutes costs nothing.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn authenticate(&self, name: &str, password: &str) -> Result<Option<Access>> {
        if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
            return Ok(None);
        }
        let asked = name.to_owned();
        let known = self.read(move |sql| {
            let Some(id) = accounts::named(sql, &asked)? else { return Ok(None) };
            Ok(Some((id, credentials::salts(sql, id)?, credentials::known(sql, id)?)))
        });
        let account = known.await?;
        let hashed = account.as_ref().map(|(_, salts, known)| (salts.argon2, known.clone()));
        let passwords = &self.inner.passwords;
        let prepared = prepared(password);
        let mut right = passwords.verify(name, prepared.clone(), hashed.clone()).await?;
        if right.is_none() && *prepared != password {
            // The hash may have been made before passwords were prepared.
            right = passwords.verify(name, Zeroizing::new(password.to_owned()), hashed).await?;
        }
        let (Some((owner, salts, _)), Some(right)) = (account, right) else { return Ok(None) };
        if !right.has_scram {
            self.give_scram(&right, prepared, salts).await;
        }
        self.note_use(right.id, right.last_used_at);
        Ok(Some(access(owner, right.id, right.kind)))
    }

    /// What a SCRAM exchange with this name needs. An unknown one gets a salt too, always the same.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn scram(&self, name: &str) -> Result<ScramRecord> {
        let name = name.to_owned();
        self.read(move |sql| credentials::scram(sql, &name)).await
    }

    /// The access of a credential that has just been proven by its SCRAM keys; noted as its use.
    ///
    /// # Errors
    /// NotFound once it is revoked or the account is gone.
    pub async fn access_of_proven(&self, account: AccountId, credential: CredentialId) -> Result<Access> {
        let access = self.access_of_credential(account, credential).await?;
        self.note_use(credential, None);
        Ok(access)
    }

    /// The access of an account's main credential, for whom the caller has found to be entitled to it without the
    /// password: by a token, or as a master user.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn access_of_entitled(&self, account: AccountId) -> Result<Access> {
        let credential = self.read(move |sql| credentials::main(sql, account)).await?;
        Ok(access(account, credential, CredentialKind::Main))
    }

    /// What a credential may do now.
    ///
    /// # Errors
    /// NotFound once it is revoked or the account is gone.
    pub async fn access_of_credential(&self, account: AccountId, credential: CredentialId) -> Result<Access> {
        let kind = self.read(move |sql| credentials::kind_of(sql, account, credential)).await?;
        Ok(access(account, credential, kind.ok_or(Error::NotFound("credential"))?))
    }

    async fn prove(&self, password: &str, salts: Salts) -> Result<Proof> {
        self.inner.passwords.prove(prepared(password), salts).await
    }

    /// SCRAM keys for a credential from before there were any. A failure costs only that SCRAM waits for the next time.
    async fn give_scram(&self, known: &Known, password: Zeroizing<String>, salts: Salts) {
        let (passwords, known) = (&self.inner.passwords, known.clone());
        let given = async {
            let keys = passwords.scram(password, salts).await?;
            self.write(move |tx| credentials::set_scram(tx, &known, &keys)).await
        };
        if let Err(error) = given.await {
            tracing::warn!(%error, "no SCRAM keys for a credential");
        }
    }

    fn note_use(&self, credential: CredentialId, last: Option<UnixTime>) {
        let now = super::now();
        if last.is_none_or(|last| now.0.saturating_sub(last.0) >= LAST_USE_SECONDS) {
            self.inner.lazy().used(credential, now);
        }
    }
}

fn access(owner: AccountId, credential: CredentialId, kind: CredentialKind) -> Access {
    Access::own(owner, Some((credential, kind)))
}

fn check_name(what: &'static str, name: &str) -> Result<()> {
    let why = if name.is_empty() || name.len() > NAME_BYTES_MAX {
        "not 1 to 255 bytes"
    } else if name.chars().any(|char| char.is_whitespace() || char.is_control()) {
        "spaces or control characters"
    } else {
        return Ok(());
    };
    Err(Error::Invalid { what, why: why.into() })
}

fn check_password(password: &str) -> Result<()> {
    if prepared(password).is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(Error::Invalid { what: "password", why: "not 1 to 1000 bytes".into() });
    }
    Ok(())
}

const NAME_BYTES_MAX: usize = 255;
const CREDENTIAL_NAME_BYTES_MAX: usize = 255;
/// The time of the last use is kept no finer than this.
const LAST_USE_SECONDS: i64 = 60;

/// How often the list of revocations is read.
const REVOCATIONS_INTERVAL: std::time::Duration = std::time::Duration::from_secs(2);
