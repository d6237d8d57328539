//! Wake hints: an account has changed, look again.
