//! What clients cost: one test, alone in its process, whose memory it measures.

#[cfg(test)]
mod large;
#[cfg(test)]
#[path = "../imap/support/mod.rs"]
#[expect(dead_code, reason = "shared with the tests that play transcripts")]
mod support;
