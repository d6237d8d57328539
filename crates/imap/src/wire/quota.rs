//! Quota on the wire: the arguments of GETQUOTA and GETQUOTAROOT, QUOTA and QUOTAROOT (RFC 9208 §4 and §7).

use bytes::BytesMut;

use crate::wire::cursor::{Cursor, Parsed};
use crate::wire::encode::{self, Quoting, number};
use crate::wire::mailbox::{Names, mailbox};

/// QUOTA: what there may be of something, and what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaLine<'a> {
    /// The quota root.
    pub root: &'a str,
    /// The only resource that is counted, STORAGE.
    pub storage: Usage,
}

/// STORAGE, in units of 1024 octets (RFC 9208 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// In use, rounded up.
    pub used: u64,
    /// The most that may be in use, rounded down.
    pub limit: u64,
}

impl Usage {
    /// From octets.
    #[must_use]
    pub fn of_bytes(used: u64, limit: u64) -> Self {
        Self { used: used.div_ceil(UNIT_BYTES), limit: limit / UNIT_BYTES }
    }
}

// getquota = "GETQUOTA" SP quota-root-name
// quota-root-name = astring
/// The root that GETQUOTA asks for; may be empty.
pub fn root(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let root = cursor.astring_text()?;
    cursor.end()?;
    Ok(root)
}

// getquotaroot = "GETQUOTAROOT" SP mailbox
/// The mailbox that GETQUOTAROOT asks for.
pub fn mailbox_of_root(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let mailbox = mailbox(cursor)?;
    cursor.end()?;
    Ok(mailbox)
}

// quota-response = "QUOTA" SP quota-root-name SP quota-list
// quota-list = "(" quota-resource *(SP quota-resource) ")"
// quota-resource = resource-name SP resource-usage SP resource-limit
pub(crate) fn push_quota(out: &mut BytesMut, line: &QuotaLine<'_>, names: Names) {
    out.extend_from_slice(b"QUOTA ");
    encode::astring(out, line.root.as_bytes(), Quoting::from(names));
    out.extend_from_slice(b" (STORAGE ");
    number(out, line.storage.used);
    out.extend_from_slice(b" ");
    number(out, line.storage.limit);
    out.extend_from_slice(b")");
}

// quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name)
pub(crate) fn push_quota_root(out: &mut BytesMut, mailbox: &str, root: Option<&str>, names: Names) {
    out.extend_from_slice(b"QUOTAROOT ");
    encode::mailbox(out, mailbox, names);
    if let Some(root) = root {
        out.extend_from_slice(b" ");
        encode::astring(out, root.as_bytes(), Quoting::from(names));
    }
}

const UNIT_BYTES: u64 = 1024;

#[cfg(test)]
mod tests;
