//! Any text is a message of an agent or an error; a good one is answered without a panic.
#![no_main]

use push_service::clock::Instant;
use push_service::config::{Config, PublicUrl};
use push_service::id::AgentId;
use push_service::websocket::frame;
use push_service::websocket::session::Agent;

libfuzzer_sys::fuzz_target!(|raw: &[u8]| {
    let Ok(text) = std::str::from_utf8(raw) else { return };
    let Ok(message) = frame::decode(text) else { return };
    let limits = Config::new(PublicUrl::parse("https://push.example").expect("an origin")).websocket;
    let now = Instant::from_micros(1);
    let _reaction = Agent::new(AgentId::from_bytes([1; 16]), &limits, now).receive(message, now);
});
