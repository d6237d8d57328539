//! RENAME of a mailbox with its children (RFC 9051 §6.3.6). INBOX, whose messages move, is the caller's case.

use std::collections::BTreeSet;

use rusqlite::params;

use super::edit::By;
use super::writer::Tx;
use super::{int, mailboxes, origin_columns};
use crate::{Changes, Error, MailboxId, MailboxName, ModSeq, Result};

/// Gives a mailbox and all below it other names, in one commit. Subscriptions go along: the user sees one mailbox
/// that changed its name.
pub(crate) fn rename(tx: &Tx<'_>, by: &By, from: &MailboxName, to: &MailboxName) -> Result<Changes> {
    let id = mailboxes::id_of(tx.sql, by.account, from.as_str())?.ok_or(Error::NotFound("mailbox"))?;
    let below = mailboxes::children(tx.sql, by.account, from)?;
    let mut renames = vec![(id, from.clone(), to.clone())];
    for (id, name) in below {
        let rest = name.get(from.as_str().len()..).unwrap_or_default();
        let new = MailboxName::new(&format!("{}{rest}", to.as_str()))?;
        renames.push((id, MailboxName::stored(name), new));
    }
    check(tx, by, &renames)?;
    let modseq = tx.raise_modseq(by.account)?;
    mailboxes::insert_parents(tx, by, modseq, to)?;
    for (id, old, new) in &renames {
        rename_one(tx, by, modseq, (*id, old, new))?;
    }
    Ok(Changes { account: by.account, modseq })
}

fn check(tx: &Tx<'_>, by: &By, renames: &[(MailboxId, MailboxName, MailboxName)]) -> Result<()> {
    renames.iter().try_for_each(|(_, _, new)| mailboxes::check_own_name(new))?;
    let moving: BTreeSet<_> = renames.iter().map(|(id, ..)| *id).collect();
    for (_, old, new) in renames {
        if new.as_str().starts_with(&format!("{}/", old.as_str())) {
            return Err(Error::Invalid {
                what: "mailbox name",
                why: "a mailbox can't go below itself".into(),
            });
        }
        // A name that is about to be given up is free, but for the mailbox itself.
        match mailboxes::id_of(tx.sql, by.account, new.as_str())? {
            Some(id) if !moving.contains(&id) || old == new => return Err(Error::Exists("mailbox")),
            _ => {}
        }
    }
    Ok(())
}

fn rename_one(
    tx: &Tx<'_>,
    by: &By,
    modseq: ModSeq,
    (id, old, new): (MailboxId, &MailboxName, &MailboxName),
) -> Result<()> {
    let (credential, session) = origin_columns(by.origin);
    tx.sql.run(
        "rename mailbox",
        "UPDATE mailbox SET name = ?3, old_name = ?4, modseq = ?5, renamed_modseq = ?5, credential_id = ?6, \
         session_id = ?7 WHERE account_id = ?1 AND id = ?2",
        params![int(by.account.0), int(id.0), new.as_str(), old.as_str(), int(modseq.0), credential, session],
    )?;
    if mailboxes::set_subscribed(tx, by.account, old, false)? {
        mailboxes::set_subscribed(tx, by.account, new, true)?;
    }
    Ok(())
}
