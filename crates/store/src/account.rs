//! Accounts.

use crate::{AccountId, ModSeq, UnixTime};

/// An account as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name: bare (`alice`) or an address (`alice@example.org`), compared without regard to ASCII case.
    pub name: String,
    /// Further names that mail is taken for, in order.
    pub aliases: Vec<String>,
    /// When it was made.
    pub created_at: UnixTime,
    /// The MODSEQ of its last commit.
    pub modseq: ModSeq,
    /// Bytes of messages, each counted once however many mailboxes hold it.
    pub used_bytes: u64,
    /// The most bytes that it may use; `None` is no limit.
    pub quota_bytes: Option<u64>,
}

impl Account {
    /// The addresses that are its own: its name and aliases, the bare ones at `hostname`; each once, the name's first.
    #[must_use]
    pub fn addresses(&self, hostname: &str) -> Vec<String> {
        let mut addresses: Vec<String> = Vec::with_capacity(1 + self.aliases.len());
        for name in std::iter::once(&self.name).chain(&self.aliases) {
            let address = if name.contains('@') { name.clone() } else { format!("{name}@{hostname}") };
            if !addresses.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                addresses.push(address);
            }
        }
        addresses
    }
}

/// What an account is made of. INBOX, Drafts, Sent, Junk, Trash and Archive are made with it, subscribed.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Bare or an address; 1 to 255 bytes, no spaces or control characters.
    pub name: &'a str,
    /// The main password; 1 to 1,000 bytes. Kept only as an Argon2id hash.
    pub password: &'a str,
    /// The most bytes that it may use.
    pub quota_bytes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole_and_stand_once() {
        let account = Account {
            id: AccountId(1),
            name: "alice".into(),
            aliases: ["sales@other.test", "Alice@mail.test", "al"].map(str::to_owned).to_vec(),
            created_at: UnixTime(0),
            modseq: ModSeq(1),
            used_bytes: 0,
            quota_bytes: None,
        };
        assert_eq!(account.addresses("mail.test"), ["alice@mail.test", "sales@other.test", "al@mail.test"]);
    }
}
