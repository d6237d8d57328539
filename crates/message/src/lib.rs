//! One parse of an Internet message into what IMAP and JMAP ask of it.

/// What one parse makes of a message.
#[derive(Debug)]
pub struct Parsed;
