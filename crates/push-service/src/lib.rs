//! A Web Push service (RFC 8030).
