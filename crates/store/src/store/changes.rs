//! The change log.

use crate::sqlite::{accounts, log};
use crate::{Access, AccountChanges, ModSeq, Result, Store};

impl Store {
    /// The account's MODSEQ: that of its last commit.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn modseq(&self, access: &Access) -> Result<ModSeq> {
        let owner = access.owner;
        self.read(move |sql| accounts::modseq(sql, owner)).await
    }

    /// What changed in an account since a MODSEQ: at most about twice `limit` changes, but at least one commit, and never
    /// half of one. Go on from [`AccountChanges::modseq`].
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn changes_since(
        &self,
        access: &Access,
        since: ModSeq,
        limit: usize,
    ) -> Result<AccountChanges> {
        let owner = access.owner;
        self.read(move |sql| log::of_account(sql, owner, since, limit)).await
    }
}
