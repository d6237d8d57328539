//! Any octets are an LMTP session: decoder and session answer them the same however they are cut.
#![no_main]

#[path = "../../crates/lmtp/tests/sessions/stream.rs"]
mod stream;

libfuzzer_sys::fuzz_target!(|input: &[u8]| stream::check(input));
