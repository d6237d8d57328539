//! Identities (RFC 8621 §6): those of the account's own addresses, which come and go with these, and those that clients make.

use std::collections::BTreeSet;

use rusqlite::{Row, params};

use super::writer::Tx;
use super::{Sql, int, objects, pairs, uint};
use crate::{AccountId, Error, Identity, IdentityId, IdentityText, ModSeq, NamedAddress, ObjectKind, Result};

/// All of an account, by id.
pub(crate) fn all(sql: Sql<'_>, account: AccountId) -> Result<Vec<Identity>> {
    let text = format!("SELECT {COLUMNS} FROM identity WHERE account_id = ?1 ORDER BY id");
    sql.all("list identities", &text, [int(account.0)], identity)
}

/// One of them.
pub(crate) fn one(sql: Sql<'_>, account: AccountId, id: IdentityId) -> Result<Identity> {
    let text = format!("SELECT {COLUMNS} FROM identity WHERE account_id = ?1 AND id = ?2");
    let found = sql.one("read identity", &text, [int(account.0), int(id.0)], identity)?;
    found.ok_or(Error::NotFound("identity"))
}

/// Whether those of the account's own addresses are others than these.
pub(crate) fn are_stale(identities: &[Identity], addresses: &[String]) -> bool {
    let folded = |email: &str| email.to_ascii_lowercase();
    let own: BTreeSet<_> = identities.iter().filter(|one| one.is_own).map(|one| folded(&one.email)).collect();
    own != addresses.iter().map(|email| folded(email)).collect()
}

/// Makes one for each of the account's own addresses, and removes those of addresses that it has no more, with what clients
/// have made for these.
pub(crate) fn renew(tx: &Tx<'_>, account: AccountId, addresses: &[String]) -> Result<()> {
    let identities = all(tx.sql, account)?;
    if !are_stale(&identities, addresses) {
        return Ok(());
    }
    let modseq = objects::touch(tx, account, ObjectKind::Identity)?;
    let has = |list: &[String], email: &str| list.iter().any(|one| one.eq_ignore_ascii_case(email));
    for identity in identities.iter().filter(|identity| !has(addresses, &identity.email)) {
        remove(tx, account, identity.id, modseq)?;
    }
    for email in addresses {
        if !identities.iter().any(|one| one.is_own && one.email.eq_ignore_ascii_case(email)) {
            insert(tx, account, (email, &IdentityText::default()), (Maker::Server, modseq))?;
        }
    }
    Ok(())
}

/// Who makes an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// We, for an address of the account.
    Server,
    /// A client.
    Client,
}

/// Makes one for a client.
pub(crate) fn create(
    tx: &Tx<'_>,
    account: AccountId,
    email: &str,
    text: &IdentityText,
) -> Result<IdentityId> {
    if all(tx.sql, account)?.iter().filter(|identity| !identity.is_own).count() >= MADE_MAX {
        return Err(Error::Limit("identities of an account"));
    }
    let modseq = objects::touch(tx, account, ObjectKind::Identity)?;
    insert(tx, account, (email, text), (Maker::Client, modseq))
}

fn insert(
    tx: &Tx<'_>,
    account: AccountId,
    (email, text): (&str, &IdentityText),
    (maker, modseq): (Maker, ModSeq),
) -> Result<IdentityId> {
    let id = tx.sql.one(
        "insert identity",
        "INSERT INTO identity (account_id, name, email, reply_to, bcc, text_signature, html_signature, is_own, modseq, \
         created_modseq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) RETURNING id",
        params![
            int(account.0), text.name, email, column(text.reply_to.as_ref()), column(text.bcc.as_ref()),
            text.text_signature, text.html_signature, maker == Maker::Server, int(modseq.0)
        ],
        |row| uint(row, 0),
    )?;
    id.map(IdentityId).ok_or_else(|| Error::Bug("no id for a new identity".into()))
}

/// Has one say something else.
pub(crate) fn update(tx: &Tx<'_>, account: AccountId, id: IdentityId, text: &IdentityText) -> Result<()> {
    if one(tx.sql, account, id)?.text == *text {
        return Ok(());
    }
    let modseq = objects::touch(tx, account, ObjectKind::Identity)?;
    tx.sql.run(
        "update identity",
        "UPDATE identity SET name = ?3, reply_to = ?4, bcc = ?5, text_signature = ?6, html_signature = ?7, modseq = ?8 \
         WHERE account_id = ?1 AND id = ?2",
        params![
            int(account.0), int(id.0), text.name, column(text.reply_to.as_ref()), column(text.bcc.as_ref()),
            text.text_signature, text.html_signature, int(modseq.0)
        ],
    )?;
    Ok(())
}

/// Destroys one that a client has made.
pub(crate) fn destroy(tx: &Tx<'_>, account: AccountId, id: IdentityId) -> Result<()> {
    if one(tx.sql, account, id)?.is_own {
        return Err(Error::Forbidden("the identity of an address that the account has"));
    }
    let modseq = objects::touch(tx, account, ObjectKind::Identity)?;
    remove(tx, account, id, modseq)
}

fn remove(tx: &Tx<'_>, account: AccountId, id: IdentityId, modseq: ModSeq) -> Result<()> {
    let created = tx.sql.one(
        "remove identity",
        "DELETE FROM identity WHERE account_id = ?1 AND id = ?2 RETURNING created_modseq",
        [int(account.0), int(id.0)],
        |row| uint(row, 0),
    )?;
    let created = ModSeq(created.ok_or(Error::NotFound("identity"))?);
    objects::bury(tx, account, (ObjectKind::Identity, id.0), (created, modseq))
}

fn column(addresses: Option<&Vec<NamedAddress>>) -> Option<String> {
    addresses.map(|addresses| pairs::write_addresses(addresses))
}

const COLUMNS: &str = "id, name, email, reply_to, bcc, text_signature, html_signature, is_own";

fn identity(row: &Row<'_>) -> rusqlite::Result<Identity> {
    let addresses = |column: usize| -> rusqlite::Result<Option<Vec<NamedAddress>>> {
        Ok(row.get::<_, Option<String>>(column)?.map(|text| pairs::read_addresses(&text)))
    };
    Ok(Identity {
        id: IdentityId(uint(row, 0)?),
        email: row.get(2)?,
        text: IdentityText {
            name: row.get(1)?,
            reply_to: addresses(3)?,
            bcc: addresses(4)?,
            text_signature: row.get(5)?,
            html_signature: row.get(6)?,
        },
        is_own: row.get(7)?,
    })
}

/// Identities that clients may make in one account; one more is refused with Limit.
const MADE_MAX: usize = 100;
