//! Emails (RFC 8621 §4).
//!
//! What is asked for is worked out from the columns that the store keeps: envelope, structure, summary. The message itself is
//! read only for what none of them has: other header fields, values of bodies, the size of a decoded part.

pub(crate) mod body;
pub(crate) mod changes;
pub(crate) mod copy;
pub(crate) mod filter;
pub(crate) mod get;
pub(crate) mod header;
pub(crate) mod import;
pub(crate) mod page;
pub(crate) mod parse;
pub(crate) mod property;
pub(crate) mod query;
pub(crate) mod query_changes;
pub(crate) mod render;
pub(crate) mod set;
pub(crate) mod sort;
pub(crate) mod texts;
