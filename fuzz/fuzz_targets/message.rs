//! Any bytes are a message: `message::Parsed::parse` keeps its invariants.
#![no_main]

#[path = "../../crates/message/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|raw: &[u8]| {
    invariants::check(raw);
    // The same bytes as what a store might hand back.
    let _ = message::EnvelopeRef::decode(raw);
    let _ = message::Structure::decode(raw);
    let _ = message::Summary::decode(raw);
});
