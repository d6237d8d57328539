//! Octets to values: lines to commands, content to message octets. Pure and total: any octets give an answer.
//!
//! Only CRLF ends a line, and only CRLF "." CRLF ends content (RFC 5321 §2.3.8, §4.1.1.4). A line that LF alone
//! ends is an error and is not obeyed; LF alone within content is content. No two readers of the same octets can so
//! disagree about where a message ends ("SMTP smuggling").

pub mod command;
pub mod decoder;
pub mod path;
pub mod unstuff;
