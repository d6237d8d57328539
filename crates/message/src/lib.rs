//! One parse of an Internet message into what IMAP and JMAP ask of it.
