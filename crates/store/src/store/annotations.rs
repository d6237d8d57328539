//! Annotations (RFC 5464).

use super::by;
use crate::sqlite::acl::{self, Who};
use crate::sqlite::annotations::{self, Place};
use crate::sqlite::{Sql, mailboxes};
use crate::{
    Access, Annotation, AnnotationChanges, Cause, Changes, EntryName, EntryScope, Error, MailboxId, ModSeq,
    Result, Rights, Store,
};

impl Store {
    /// The entries of a mailbox, or with `None` of the account as a whole, that this reader sees, by name.
    ///
    /// # Errors
    /// NotFound.
    pub async fn annotations(&self, access: &Access, mailbox: Option<MailboxId>) -> Result<Vec<Annotation>> {
        let who = access.who();
        self.read(move |sql| {
            demand(sql, who, mailbox)?;
            annotations::all(sql, who.owner, Place { mailbox, reader: who.reader })
        })
        .await
    }

    /// Sets entries, or removes those without a value, in one commit: all or none. Shared ones of another's mailbox need
    /// the right to write.
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
        let (who, by) = (access.who(), by(access, Cause::Mailbox));
        self.write(move |tx| {
            let rights = demand(tx.sql, who, mailbox)?;
            let is_shared = values.iter().any(|(name, _)| name.scope() == EntryScope::Shared);
            if is_shared && !rights.contains(Rights::WRITE) {
                return Err(Error::Forbidden("others see this annotation"));
            }
            let place = Place { mailbox, reader: who.reader };
            let modseq = annotations::set(tx, &by, place, &values)?;
            Ok(Changes { account: by.account, modseq })
        })
        .await
    }

    /// The entries that others than the access's session have set or removed after a MODSEQ. Of removals the last 100
    /// of a mailbox are known.
    ///
    /// # Errors
    /// NotFound if the account is gone, Forbidden for another's.
    pub async fn annotation_changes(&self, access: &Access, since: ModSeq) -> Result<AnnotationChanges> {
        let (who, session) = (access.who(), access.session());
        access.account()?;
        self.read(move |sql| annotations::changes(sql, (who.owner, who.reader), since, session)).await
    }
}

/// RFC 5464 §3.3: `l` and any right to what is in the mailbox. Annotations of an account are its owner's.
fn demand(sql: Sql<'_>, who: Who, mailbox: Option<MailboxId>) -> Result<Rights> {
    let Some(id) = mailbox else {
        return if who.is_owner() { Ok(Rights::ALL) } else { Err(Error::NotFound("mailbox")) };
    };
    let rights = acl::demand(sql, who, id, Rights::LOOKUP)?;
    mailboxes::one(sql, who.owner, id)?;
    let any = [Rights::READ, Rights::SEEN, Rights::WRITE, Rights::INSERT, Rights::POST];
    if any.into_iter().any(|right| rights.contains(right)) {
        Ok(rights)
    } else {
        Err(Error::Forbidden("nothing in the mailbox may be seen"))
    }
}
