//! Annotations (RFC 5464).

use super::by;
use crate::sqlite::annotations::{self, Place};
use crate::sqlite::{accounts, mailboxes};
use crate::{
    Access, Annotation, AnnotationChanges, Cause, Changes, EntryName, MailboxId, ModSeq, Result, Store,
};

impl Store {
    /// The entries of a mailbox, or with `None` of the account as a whole, that this reader sees, by name.
    ///
    /// # Errors
    /// NotFound.
    pub async fn annotations(&self, access: &Access, mailbox: Option<MailboxId>) -> Result<Vec<Annotation>> {
        let (owner, place) = (access.owner, Place { mailbox, reader: access.reader });
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            if let Some(id) = mailbox {
                mailboxes::one(sql, owner, id)?;
            }
            annotations::all(sql, owner, place)
        })
        .await
    }

    /// Sets entries, or removes those without a value, in one commit: all or none.
    ///
    /// # Errors
    /// NotFound, Forbidden; Limit beyond [`crate::ANNOTATION_BYTES_MAX`], [`crate::ANNOTATIONS_MAX`] and
    /// [`crate::ANNOTATIONS_BYTES_MAX`].
    pub async fn set_annotations(
        &self,
        access: &Access,
        mailbox: Option<MailboxId>,
        values: Vec<(EntryName, Option<Vec<u8>>)>,
    ) -> Result<Changes> {
        let by = by(access, Cause::Mailbox)?;
        let place = Place { mailbox, reader: access.reader };
        self.write(move |tx| {
            if let Some(id) = mailbox {
                mailboxes::one(tx.sql, by.account, id)?;
            }
            let modseq = annotations::set(tx, &by, place, &values)?;
            Ok(Changes { account: by.account, modseq })
        })
        .await
    }

    /// The entries that others than the access's session have set or removed after a MODSEQ. Of removals the last 100
    /// of a mailbox are known.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn annotation_changes(&self, access: &Access, since: ModSeq) -> Result<AnnotationChanges> {
        let (whose, session) = ((access.owner, access.reader), access.session);
        self.read(move |sql| annotations::changes(sql, whose, since, session)).await
    }
}
