//! Message encryption (RFC 8188, 8291), VAPID (RFC 8292) and header types (RFC 8030) for Web Push.
