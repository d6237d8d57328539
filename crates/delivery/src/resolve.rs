//! Who is meant by an address: accounts, aliases, sub-addresses, the catch-all account.
//!
//! The first of these that matches takes the mail: the whole address; its bare local part, if the domain is this
//! host's or missing; the same two for the part before the separator; the catch-all account.

use std::time::Instant;

use store::{Account, AccountId, MailboxName};

use crate::{Address, Deliverer, Error};

/// An account that takes a message for an address, and the mailbox in it that the address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Whose mailbox.
    pub account: AccountId,
    /// The mailbox of the sub-address, by its full name; `None` is INBOX.
    pub mailbox: Option<MailboxName>,
    /// The most bytes that the account may use.
    pub quota_bytes: Option<u64>,
}

impl Deliverer {
    /// Finds who takes mail for an address. `declared_bytes` is the size that the sender announced, if it did.
    ///
    /// # Errors
    /// [`Error::UnknownRecipient`]; [`Error::OverQuota`] and [`Error::LargerThanQuota`] if the account is full or
    /// would be; Unavailable and Bug from the store.
    pub async fn resolve(&self, address: &Address, declared_bytes: Option<u64>) -> Result<Recipient, Error> {
        if let Some(account) = self.known.get(address, Instant::now()) {
            return Ok(Recipient { account, mailbox: None, quota_bytes: None });
        }
        let (account, mailbox) = self.find(address).await?;
        let recipient = Recipient { account: account.id, mailbox, quota_bytes: account.quota_bytes };
        let Some(quota) = account.quota_bytes else {
            if recipient.mailbox.is_none() && !self.may_lead_elsewhere(address) {
                self.known.insert(address, account.id, Instant::now());
            }
            return Ok(recipient);
        };
        let declared = declared_bytes.unwrap_or(0);
        if declared > quota {
            return Err(Error::LargerThanQuota);
        }
        if account.used_bytes >= quota || account.used_bytes.saturating_add(declared) > quota {
            return Err(Error::OverQuota);
        }
        Ok(recipient)
    }

    async fn find(&self, address: &Address) -> Result<(Account, Option<MailboxName>), Error> {
        let domain = address.domain.as_deref();
        if let Some(account) = self.account(&address.local_part, domain).await? {
            return Ok((account, None));
        }
        if let Some((user, detail)) = self.split(&address.local_part)
            && let Some(account) = self.account(user, domain).await?
        {
            let mailbox = self.mailbox(account.id, detail).await?;
            return Ok((account, mailbox));
        }
        if let Some(name) = &self.options.catch_all
            && let Some(account) = self.store.account_named(name).await.map_err(unresolved)?
        {
            return Ok((account, None));
        }
        Err(Error::UnknownRecipient)
    }

    /// Whether a mailbox or an account that is made later could change where the address leads.
    fn may_lead_elsewhere(&self, address: &Address) -> bool {
        self.options.catch_all.is_some() || self.split(&address.local_part).is_some()
    }

    async fn account(&self, local_part: &str, domain: Option<&str>) -> Result<Option<Account>, Error> {
        for name in names(local_part, domain, &self.options.hostname) {
            if let Some(account) = self.store.account_named(&name).await.map_err(unresolved)? {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    /// RFC 5233 §4: user and detail, at the first separator. A user is never empty, a detail may be.
    fn split<'a>(&self, local_part: &'a str) -> Option<(&'a str, &'a str)> {
        let (user, detail) = local_part.split_once(self.options.subaddress_separator?)?;
        (!user.is_empty()).then_some((user, detail))
    }

    /// The mailbox that a detail names: exactly, else without regard to case; none is INBOX.
    async fn mailbox(&self, account: AccountId, detail: &str) -> Result<Option<MailboxName>, Error> {
        if detail.is_empty() {
            return Ok(None);
        }
        let access = self.store.system_access(account);
        let mailboxes = self.store.mailboxes(&access).await.map_err(unresolved)?;
        let folded = detail.to_lowercase();
        let exact = mailboxes.iter().find(|mailbox| mailbox.name.as_str() == detail);
        let found =
            exact.or_else(|| mailboxes.iter().find(|mailbox| mailbox.name.as_str().to_lowercase() == folded));
        Ok(found.map(|mailbox| mailbox.name.clone()))
    }
}

/// The account names that an address may stand for, most specific first.
///
/// A local part with `@` in it (it was quoted) is never looked up bare: it would match an account of another domain.
fn names(local_part: &str, domain: Option<&str>, hostname: &str) -> Vec<String> {
    let mut names = Vec::with_capacity(2);
    let ours = domain.is_none_or(|domain| ascii(domain) == ascii(hostname));
    for form in domain_forms(domain.unwrap_or(hostname)) {
        names.push(format!("{local_part}@{form}"));
    }
    if ours && !local_part.contains('@') {
        // A bare name is what most accounts of this host are called; with no domain given it comes first.
        let first = if domain.is_none() { 0 } else { names.len() };
        names.insert(first, local_part.to_owned());
    }
    names
}

/// A domain as given and, if it is internationalised, in its other form (RFC 5890 §2.3.2.1): an account may be named
/// by U-labels or by A-labels, and either may come in the envelope (RFC 6531 §3.2).
fn domain_forms(domain: &str) -> Vec<String> {
    let mut forms = vec![domain.to_owned()];
    if !domain.is_ascii() {
        forms.push(ascii(domain));
    } else if domain.split('.').any(|label| label.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("xn--"))) {
        forms.push(idna::domain_to_unicode(domain).0);
    }
    forms
}

/// A domain in lower case A-labels, for comparison; one that is not valid is only lowered.
fn ascii(domain: &str) -> String {
    if domain.is_ascii() {
        return domain.to_ascii_lowercase();
    }
    idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase())
}

/// An error of a look-up: there is no message yet whose size could matter.
fn unresolved(error: store::Error) -> Error {
    Error::from_store(error, 0, None)
}

#[cfg(test)]
mod tests;
