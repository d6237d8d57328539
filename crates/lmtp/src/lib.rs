//! The LMTP server (RFC 2033).
