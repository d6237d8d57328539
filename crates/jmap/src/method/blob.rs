//! Blobs in requests (RFC 9404), and between accounts (RFC 8620 §6.3).

pub(crate) mod copy;
pub(crate) mod get;
pub(crate) mod lookup;
pub(crate) mod upload;

/// Digests that Blob/get makes, by their names in the "HTTP Digest Algorithm Values" registry, in lower case.
pub(crate) const DIGESTS: [&str; 2] = ["sha", "sha-256"];
/// Types that Blob/lookup looks into.
pub(crate) const LOOKUP_TYPES: [&str; 3] = ["Mailbox", "Thread", "Email"];
/// Sources that one blob is put together from at most; RFC 9404 §2 wants 64 at least.
pub(crate) const SOURCES_MAX: usize = 64;
