//! A mailbox address of the envelope, as a value.
//!
//! Reading one from a command is the protocol's part; writing one (into `Return-Path`) is here.

use std::fmt;

/// A mailbox address (RFC 5321 §4.1.2), quotes and escapes taken off. Any value can be written and looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// `Local-part`: `alice`, `alice+Lists`, or anything that was quoted.
    pub local_part: String,
    /// `Domain` or `address-literal`; `None` for a bare name, which only means something on this host.
    pub domain: Option<String>,
}

impl fmt::Display for Address {
    /// As it stands between `<` and `>`, quoted only where it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local_part) {
            f.write_str(&self.local_part)?;
        } else {
            f.write_str("\"")?;
            for c in self.local_part.chars() {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\"")?;
        }
        match &self.domain {
            Some(domain) => write!(f, "@{domain}"),
            None => Ok(()),
        }
    }
}

/// RFC 5321 §4.1.2: `Dot-string = Atom *("." Atom)`, with the non-ASCII characters of RFC 6531 §3.3.
fn is_dot_string(local_part: &str) -> bool {
    let is_atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    local_part.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

#[cfg(test)]
mod tests;
