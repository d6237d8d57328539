//! Any bytes are an IMAP client's: framer and parsers take them the same however they are cut.
#![no_main]

#[path = "../../crates/imap/tests/imap/stream.rs"]
mod stream;

libfuzzer_sys::fuzz_target!(|input: &[u8]| stream::check(input));
