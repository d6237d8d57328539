//! A message while it is being received.

use store::UnixTime;

use crate::Trace;

/// A message as it comes in: one buffer that begins with the trace header, so that nothing has to be put before
/// it later.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trace_bytes: usize,
    pub(crate) reverse_path: Option<String>,
    pub(crate) body: BodyType,
    pub(crate) received_at: UnixTime,
}

/// What kind of octets the sender announced (RFC 6152 §3, RFC 3030 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// Lines: `7BIT`, `8BITMIME`, or nothing said.
    Lines,
    /// `BINARYMIME`: octets, in which CR and LF mean nothing in themselves.
    Binary,
}

impl Incoming {
    /// A message of which nothing but the trace is known.
    #[must_use]
    pub fn new(trace: &Trace<'_>, body: BodyType) -> Self {
        let bytes = trace.header().into_bytes();
        Self {
            trace_bytes: bytes.len(),
            bytes,
            reverse_path: trace.reverse_path.map(ToString::to_string),
            body,
            received_at: trace.received_at,
        }
    }

    /// Appends octets of the message. The caller bounds how many.
    pub fn push(&mut self, octets: &[u8]) {
        self.bytes.extend_from_slice(octets);
    }

    /// How many octets of the message there are, the trace header not counted.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        self.bytes.len().saturating_sub(self.trace_bytes)
    }
}
