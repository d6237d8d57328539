//! Any bytes are pushed responses, and they can be written as JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &[u8]| {
    let responses = agent::pushed::parse(raw);
    serde_json::to_string(&responses).expect("JSON");
});
