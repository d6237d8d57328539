//! COPY and MOVE between accounts. They count against the quota of the account that messages come into.

use super::by;
use super::writing::TAKE;
use crate::sqlite::across::{self, Deleted, Destination};
use crate::sqlite::edit::Edit;
use crate::sqlite::{accounts, acl, mailboxes};
use crate::{Access, Cause, Changes, MailboxId, Placed, Result, Rights, Store, Uid};

impl Store {
    /// Copies into a mailbox of another account. Pairs of (UID there, placed), ascending by source UID. Unknown UIDs are
    /// passed over; on an error what was copied is removed again.
    ///
    /// # Errors
    /// NotFound for either mailbox, Forbidden, OverQuota, Limit.
    pub async fn copy_across(
        &self,
        (access, from): (&Access, MailboxId),
        uids: Vec<Uid>,
        (to_access, to): (&Access, MailboxId),
    ) -> Result<(Vec<(Uid, Placed)>, Changes)> {
        let (who, to_who, to_by) = (access.who(), to_access.who(), by(to_access, Cause::Copy));
        let copied = self
            .in_chunks(uids, move |tx, chunk| {
                acl::demand(tx.sql, who, from, Rights::READ)?;
                let rights = acl::demand(tx.sql, to_who, to, Rights::INSERT)?;
                mailboxes::one(tx.sql, who.owner, from)?;
                mailboxes::one(tx.sql, to_who.owner, to)?;
                let to = Destination { by: to_by, mailbox: to, rights };
                let placed = across::copy(tx, (who.owner, from), chunk, &to, Deleted::Dropped)?;
                let modseq = accounts::modseq(tx.sql, to_who.owner)?;
                Ok((placed, Changes { account: to_who.owner, modseq }))
            })
            .await;
        match copied {
            Ok((chunks, changes)) => Ok((chunks.concat(), changes)),
            Err(failed) => {
                self.undo_copy(to_by, to, &failed.done.concat()).await;
                Err(failed.error)
            }
        }
    }

    /// Moves into a mailbox of another account, each message in one piece. Pairs of (UID there, placed), ascending by source
    /// UID. Unknown UIDs are passed over.
    ///
    /// # Errors
    /// NotFound for either mailbox, Forbidden, OverQuota, Limit.
    pub async fn move_across(
        &self,
        (access, from): (&Access, MailboxId),
        uids: Vec<Uid>,
        (to_access, to): (&Access, MailboxId),
    ) -> Result<(Vec<(Uid, Placed)>, Changes)> {
        let (who, from_by) = (access.who(), by(access, Cause::Move));
        let (to_who, to_by) = (to_access.who(), by(to_access, Cause::Move));
        let (chunks, changes) = self
            .in_chunks(uids, move |tx, chunk| {
                acl::demand(tx.sql, who, from, TAKE)?;
                let rights = acl::demand(tx.sql, to_who, to, Rights::INSERT)?;
                mailboxes::one(tx.sql, who.owner, from)?;
                mailboxes::one(tx.sql, to_who.owner, to)?;
                let to = Destination { by: to_by, mailbox: to, rights };
                let placed = across::copy(tx, (who.owner, from), chunk, &to, Deleted::Kept)?;
                let mut edit = Edit::new(tx, from_by);
                across::take(&mut edit, from, chunk)?;
                Ok((placed, edit.finish()?))
            })
            .await
            .map_err(|failed| failed.error)?;
        Ok((chunks.concat(), changes))
    }
}
