//! The change log.

use crate::sqlite::{accounts, acl, log};
use crate::{Access, AccountChanges, ModSeq, Result, Store};

impl Store {
    /// The account's MODSEQ: that of its last commit.
    ///
    /// # Errors
    /// NotFound if the account is gone, or if nothing in it may be read.
    pub async fn modseq(&self, access: &Access) -> Result<ModSeq> {
        let who = access.who();
        self.read(move |sql| {
            acl::demand_any(sql, who)?;
            accounts::modseq(sql, who.owner)
        })
        .await
    }

    /// What changed in an account since a MODSEQ, as far as the reader may see its mailboxes: at most about twice `limit`
    /// changes, but at least one commit, and never half of one. To others than the owner keywords, old names and
    /// mailboxes that are gone are not told. Go on from [`AccountChanges::modseq`].
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn changes_since(
        &self,
        access: &Access,
        since: ModSeq,
        limit: usize,
    ) -> Result<AccountChanges> {
        let who = access.who();
        self.read(move |sql| {
            let mut changes = log::of_account(sql, who.owner, since, limit)?;
            acl::hide(sql, who, &mut changes)?;
            Ok(changes)
        })
        .await
    }
}
