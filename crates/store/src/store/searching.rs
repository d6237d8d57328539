//! The search index: which messages may hold a text.

use std::sync::Arc;

use crate::{Access, Result, Store, TextCandidates, indexer};

impl Store {
    /// Which of the account's messages may hold a text that is folded as `message::fold` does, by the search index. `None`
    /// if the index can't say: the text is shorter than three characters, or nothing is indexed yet. Those that it names
    /// have to be read to be sure, and so have those that it does not cover. It says nothing to others than the owner: how
    /// long it takes would tell them of messages that they may not read.
    pub async fn text_candidates(&self, access: &Access, folded: &str) -> Option<TextCandidates> {
        if !access.is_own() {
            return None;
        }
        match self.inner.index().candidates(access.owner(), folded).await {
            Ok(candidates) => candidates,
            Err(error) => {
                tracing::warn!(%error, "the search index can't be read");
                None
            }
        }
    }

    /// Indexes what is not indexed yet of an account, instead of waiting until it is done in the background.
    ///
    /// # Errors
    /// Unavailable, Forbidden for another's account.
    pub async fn index_now(&self, access: &Access) -> Result<()> {
        indexer::catch_up(&Arc::clone(&self.inner), access.account()?).await
    }
}
