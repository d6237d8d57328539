//! Any bytes are the body of a JMAP request: read as I-JSON, then as a request, its references resolved.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    jmap::wire::reference::replay(input);
});
