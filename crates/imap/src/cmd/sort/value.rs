//! What SORT compares of a message (RFC 5256 §2 and §3, RFC 5957 §3).

use message::{AddressListRef, AddressRef, EnvelopeRef, Summary};
use store::MessageRow;

use crate::cmd::collation::casemap;
use crate::wire::sort::SortKey;

/// One value. Values of one key are of one kind.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Number(i64),
    /// Made by [`Self::text`].
    Text(Vec<u8>),
}

impl Value {
    /// What `key` compares. The columns that it needs have been read; of what can't be decoded nothing is known.
    pub(super) fn of(row: &MessageRow, key: SortKey) -> Self {
        let summary = || Summary::decode(&row.summary).unwrap_or_default();
        match key {
            SortKey::Arrival => Self::Number(row.received_at.0),
            SortKey::Size => Self::Number(i64::from(row.size)),
            SortKey::Date => Self::Number(sent_at(&summary(), row)),
            SortKey::Subject => Self::text(&summary().base_subject.text),
            address => match EnvelopeRef::decode(&row.envelope) {
                Ok(envelope) => Self::text(&of_address(&envelope, address)),
                Err(_) => Self::Text(Vec::new()),
            },
        }
    }

    /// As texts are compared: by [`casemap`], and by their first [`TEXT_BYTES`].
    pub(super) fn text(text: &str) -> Self {
        let mut mapped = casemap(text);
        mapped.truncate(TEXT_BYTES);
        mapped.shrink_to_fit();
        Self::Text(mapped)
    }
}

/// RFC 5256 §2.2: the sent date in UTC, INTERNALDATE where there is none.
pub(crate) fn sent_at(summary: &Summary, row: &MessageRow) -> i64 {
    summary.sent.map_or(row.received_at.0, |sent| sent.unix_seconds)
}

fn of_address(envelope: &EnvelopeRef<'_>, key: SortKey) -> String {
    let first = |list: &AddressListRef<'_>, value: fn(&AddressRef<'_>) -> String| {
        list.iter().next().map(|address| value(&address)).unwrap_or_default()
    };
    match key {
        SortKey::From => first(&envelope.from, mailbox),
        SortKey::To => first(&envelope.to, mailbox),
        SortKey::Cc => first(&envelope.cc, mailbox),
        SortKey::DisplayFrom => first(&envelope.from, display),
        SortKey::DisplayTo => first(&envelope.to, display),
        SortKey::Arrival | SortKey::Date | SortKey::Size | SortKey::Subject => String::new(),
    }
}

fn mailbox(address: &AddressRef<'_>) -> String {
    text(address.mailbox)
}

/// RFC 5957 §3: the name that a client would show, else the address; of a group its name.
fn display(address: &AddressRef<'_>) -> String {
    let name = address.decoded_name().filter(|name| !name.is_empty());
    name.unwrap_or_else(|| match address.host {
        Some(host) if !host.is_empty() => format!("{}@{}", mailbox(address), text(Some(host))),
        _ => mailbox(address),
    })
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// Bytes of a text that are compared: of every message of a mailbox they are in memory at once.
const TEXT_BYTES: usize = 256;
