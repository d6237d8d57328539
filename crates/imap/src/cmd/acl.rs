//! SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3). What rights do is the store's.
//!
//! The rights of RFC 2086, `c` (`k` and `x`) and `d` (`e` and `t`), are taken and told beside those that they stand for
//! (RFC 4314 §2.1.1). No rights are tied; the owner always has all.

use store::{AclEntry, Identifier, MailboxId, Rights, RightsChange, Sign};

use crate::cmd::place::Place;
use crate::cmd::{Context, Done, done};
use crate::reply::Failure;
use crate::wire::acl::{AclTarget, Change, ListRightsLine, SetAcl};
use crate::wire::response::Response;

/// SETACL.
pub(crate) async fn set(context: &mut Context<'_>, set: SetAcl) -> Result<Done, Failure> {
    let (place, id) = find(context, &set.mailbox).await?;
    let rights = of_letters(&set.rights);
    let change = match set.change {
        Change::Replace => RightsChange::Replace(rights),
        Change::Add => RightsChange::Add(rights),
        Change::Remove => RightsChange::Remove(rights),
    };
    context.store().set_acl(&place.access, id, identifier(&set.identifier), change).await?;
    done("SETACL")
}

/// DELETEACL.
pub(crate) async fn delete(context: &mut Context<'_>, target: AclTarget) -> Result<Done, Failure> {
    let (place, id) = find(context, &target.mailbox).await?;
    let nothing = RightsChange::Replace(Rights::NONE);
    context.store().set_acl(&place.access, id, identifier(&target.identifier), nothing).await?;
    done("DELETEACL")
}

/// GETACL.
pub(crate) async fn get(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let (place, id) = find(context, mailbox).await?;
    let entries = context.store().acl(&place.access, id).await?;
    let entries: Vec<(String, String)> =
        entries.iter().map(|entry| (written(entry), letters(entry.rights))).collect();
    let mailbox = place.shown(&place.name);
    context.untagged(&Response::Acl { mailbox: &mailbox, entries: &entries });
    done("GETACL")
}

/// LISTRIGHTS.
pub(crate) async fn list_rights(context: &mut Context<'_>, target: AclTarget) -> Result<Done, Failure> {
    let (place, id) = find(context, &target.mailbox).await?;
    // Who may not read the list may not know who is the owner either.
    let entries = context.store().acl(&place.access, id).await?;
    let owner = entries.first().map(written).unwrap_or_default();
    let is_owner = owner.eq_ignore_ascii_case(&target.identifier);
    let all = letters(Rights::ALL);
    let each: Vec<String> = all.chars().map(String::from).collect();
    let each: Vec<&str> = each.iter().map(String::as_str).collect();
    let (required, optional) = if is_owner { (all.as_str(), Vec::new()) } else { ("", each) };
    let mailbox = place.shown(&place.name);
    context.untagged(&Response::ListRights(ListRightsLine {
        mailbox: &mailbox,
        identifier: &target.identifier,
        required,
        optional: &optional,
    }));
    done("LISTRIGHTS")
}

/// MYRIGHTS.
pub(crate) async fn my_rights(context: &mut Context<'_>, mailbox: &str) -> Result<Done, Failure> {
    let (place, id) = find(context, mailbox).await?;
    let rights = context.store().rights(&place.access, id).await?;
    let mailbox = place.shown(&place.name);
    tell(context, &mailbox, rights);
    done("MYRIGHTS")
}

/// Writes a MYRIGHTS response.
pub(crate) fn tell(context: &mut Context<'_>, mailbox: &str, rights: Rights) {
    context.untagged(&Response::MyRights { mailbox, rights: &letters(rights) });
}

async fn find(context: &Context<'_>, mailbox: &str) -> Result<(Place, MailboxId), Failure> {
    let place = Place::of(context, mailbox).await?;
    let id = context.store().mailbox_named(&place.access, &place.name).await?.id;
    Ok((place, id))
}

/// RFC 4314 §2: a dash stands before whose rights are taken away.
fn identifier(written: &str) -> Identifier {
    match written.strip_prefix('-') {
        Some(name) => Identifier { name: name.to_owned(), sign: Sign::Negative },
        None => Identifier { name: written.to_owned(), sign: Sign::Positive },
    }
}

fn written(entry: &AclEntry) -> String {
    match entry.identifier.sign {
        Sign::Positive => entry.identifier.name.clone(),
        Sign::Negative => format!("-{}", entry.identifier.name),
    }
}

/// Rights by the letters that a client has sent.
fn of_letters(letters: &str) -> Rights {
    letters.chars().fold(Rights::NONE, |all, letter| {
        let known = Rights::LETTERS.iter().chain(&VIRTUAL).find(|(known, _)| *known == letter);
        known.map_or(all, |(_, rights)| all.union(*rights))
    })
}

/// The letters of rights, the virtual ones last.
fn letters(rights: Rights) -> String {
    let own = Rights::LETTERS.iter().filter(|(_, right)| rights.contains(*right));
    let virtual_ones = VIRTUAL.iter().filter(|(_, members)| rights.intersects(*members));
    own.chain(virtual_ones).map(|(letter, _)| *letter).collect()
}

/// RFC 4314 §2.1.1: with any member right, the virtual one is told too.
const VIRTUAL: [(char, Rights); 2] =
    [('c', Rights::CREATE.union(Rights::DELETE)), ('d', Rights::DELETE_MESSAGES.union(Rights::EXPUNGE))];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_rights_are_one_and_the_obsolete_ones_are_told_beside_their_members() {
        let cases = [
            ("", "", Rights::NONE),
            ("lr", "lr", Rights::LOOKUP.union(Rights::READ)),
            ("d", "ted", Rights::DELETE_MESSAGES.union(Rights::EXPUNGE)),
            ("c", "kxc", Rights::CREATE.union(Rights::DELETE)),
            ("k", "kc", Rights::CREATE),
            ("aetxkpiwsrl", "lrswipkxteacd", Rights::ALL),
        ];
        for (sent, told, rights) in cases {
            assert_eq!(of_letters(sent), rights, "{sent}");
            assert_eq!(letters(rights), told, "{sent}");
        }
    }
}
