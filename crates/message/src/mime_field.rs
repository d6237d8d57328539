//! The values of MIME fields: a token with parameters (RFC 2045 §5.1, RFC 2183), and parameters decoded (RFC 2231).
//!
//! Parses leniently: comments anywhere, unquoted values with spaces, a missing semicolon at the end.

use crate::address::{comment, quoted};
use crate::charset::{self, to_utf8};
use crate::encoded_word;
use crate::transfer::hex;

/// One parameter as it was sent: with the `*0*` of RFC 2231 in its name, and its value not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Attribute, in the case it was written in.
    pub name: Vec<u8>,
    /// Value, without quotes.
    pub value: Vec<u8>,
}

/// A token and its parameters: Content-Type, Content-Disposition.
pub(crate) struct Parameterized {
    pub(crate) token: Vec<u8>,
    pub(crate) parameters: Vec<Parameter>,
}

/// Parses an unfolded field value; `None` where the token is missing or holds what no token may hold.
pub(crate) fn parse(value: &[u8]) -> Option<Parameterized> {
    let value = skip_blanks(value);
    let length =
        value.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t' | b'(')).unwrap_or(value.len());
    let (token, mut rest) = value.split_at(length);
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut parameters = Vec::new();
    while parameters.len() < PARAMETERS_MAX {
        rest = skip_to_parameter(rest);
        if rest.is_empty() {
            break;
        }
        let (parameter, after) = parameter(rest);
        rest = after;
        parameters.extend(parameter);
    }
    Some(Parameterized { token: token.to_vec(), parameters })
}

/// The value of the parameter `name` in UTF-8: continuations joined, charset and percent escapes (RFC 2231) decoded, and
/// encoded words too, which have no place there but are common.
pub fn decoded(parameters: &[Parameter], name: &str) -> Option<String> {
    if let Some(value) = extended(parameters, name) {
        return Some(value);
    }
    let plain = parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name.as_bytes()))?;
    Some(encoded_word::decode(&plain.value))
}

/// RFC 2231 §3, §4: `name*`, or `name*0`, `name*1*`, ... in any order; the first segment names the charset.
fn extended(parameters: &[Parameter], name: &str) -> Option<String> {
    let mut segments: Vec<(usize, bool, &[u8])> = parameters
        .iter()
        .filter_map(|parameter| {
            let suffix = segment_suffix(&parameter.name, name)?;
            let (number, is_escaped) = segment_number(suffix)?;
            Some((number, is_escaped, parameter.value.as_slice()))
        })
        .collect();
    segments.sort_by_key(|(number, ..)| *number);
    let mut charset: Option<&[u8]> = None;
    let mut bytes = Vec::new();
    for (expected, &(number, is_escaped, value)) in segments.iter().enumerate() {
        if number != expected {
            break;
        }
        let mut text = value;
        if is_escaped && number == 0 {
            let mut pieces = value.splitn(3, |byte| *byte == b'\'');
            if let (Some(label), Some(_language), Some(rest)) = (pieces.next(), pieces.next(), pieces.next())
            {
                charset = Some(label);
                text = rest;
            }
        }
        if is_escaped { unescape(text, &mut bytes) } else { bytes.extend_from_slice(text) }
    }
    if segments.first().is_none_or(|(number, ..)| *number != 0) {
        return None;
    }
    match charset {
        Some(label) => Some(to_utf8(&bytes, Some(label)).text.into_owned()),
        None => Some(charset::undeclared_str(&bytes).into_owned()),
    }
}

fn segment_suffix<'p>(attribute: &'p [u8], name: &str) -> Option<&'p [u8]> {
    let (head, suffix) = attribute.split_at_checked(name.len())?;
    if head.eq_ignore_ascii_case(name.as_bytes()) { suffix.strip_prefix(b"*") } else { None }
}

/// What follows the first `*`: nothing, `0`, or `0*`.
fn segment_number(suffix: &[u8]) -> Option<(usize, bool)> {
    if suffix.is_empty() {
        return Some((0, true));
    }
    let (digits, is_escaped) = match suffix.strip_suffix(b"*") {
        Some(digits) => (digits, true),
        None => (suffix, false),
    };
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, is_escaped))
}

fn unescape(text: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return,
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
}

/// ABNF (RFC 2045 §5.1): `attribute "=" value`. No parameter where there is no `=`.
fn parameter(rest: &[u8]) -> (Option<Parameter>, &[u8]) {
    let length =
        rest.iter().position(|byte| matches!(byte, b'=' | b';' | b' ' | b'\t' | b'(')).unwrap_or(rest.len());
    let (name, after) = rest.split_at(length);
    let Some(after) = skip_blanks(after).strip_prefix(b"=") else {
        // At least one byte is taken, so that the caller's loop ends.
        let skip = length.max(1);
        return (None, rest.get(skip..).unwrap_or_default());
    };
    let after = skip_blanks(after);
    let (value, after) = match after.strip_prefix(b"\"") {
        Some(after) => {
            let mut value = Vec::new();
            let after = quoted(after, &mut value);
            (value, after)
        }
        None => {
            let length = after.iter().position(|byte| matches!(byte, b';' | b'(')).unwrap_or(after.len());
            let (value, after) = after.split_at(length);
            (value.trim_ascii().to_vec(), after)
        }
    };
    if name.is_empty() { (None, after) } else { (Some(Parameter { name: name.to_vec(), value }), after) }
}

fn skip_to_parameter(rest: &[u8]) -> &[u8] {
    let mut rest = skip_blanks(rest);
    while let Some(after) = rest.strip_prefix(b";") {
        rest = skip_blanks(after);
    }
    rest
}

/// Skips white space and comments.
fn skip_blanks(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b' ' | b'\t', after @ ..] => after,
            [b'(', after @ ..] => comment(after, &mut Vec::new()),
            _ => return rest,
        };
    }
}

/// Parameters of one field. Those beyond are left out of the body structure; the raw header keeps them.
pub const PARAMETERS_MAX: usize = 100;

#[cfg(test)]
mod tests;
