//! Reverse-path and forward-path.
//!
//! ```text
//! Path         = "<" [ A-d-l ":" ] Mailbox ">"            RFC 5321 §4.1.2
//! Local-part   = Dot-string / Quoted-string
//! ```
//! Wider than the grammar in three places, each because mail that an MTA has accepted must not bounce here: the
//! domain may be missing (LMTP's recipients are often bare names), dots may stand anywhere in an unquoted local
//! part, and the domain may have `_`. A source route is read and ignored (RFC 5321 §4.1.1.3).

use std::borrow::Cow;

/// A path that is not the null path. The quotes of its local part are off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    /// `Local-part`, 1 to 255 octets.
    pub local_part: Cow<'a, str>,
    /// `Domain` or `address-literal` (with its brackets), 1 to 255 octets.
    pub domain: Option<&'a str>,
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathError;

impl Path<'_> {
    /// Whether it needs SMTPUTF8 (RFC 6531 §3.3).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local_part.is_ascii() && self.domain.is_none_or(str::is_ascii)
    }
}

/// Reads a path at the start of `input`; `None` is the null path `<>`. Returns what follows it too.
///
/// # Errors
/// [`PathError`] if there is none, or a part of it is too long.
pub fn parse(input: &str) -> Result<(Option<Path<'_>>, &str), PathError> {
    let input = input.strip_prefix('<').ok_or(PathError)?;
    if let Some(rest) = input.strip_prefix('>') {
        return Ok((None, rest));
    }
    let (local_part, rest) = local_part(after_source_route(input)?)?;
    let (domain, rest) = match rest.strip_prefix('@') {
        Some(rest) => {
            let (domain, rest) = domain(rest)?;
            (Some(domain), rest)
        }
        None => (None, rest),
    };
    let rest = rest.strip_prefix('>').ok_or(PathError)?;
    if local_part.is_empty() || local_part.len() > LOCAL_PART_BYTES_MAX {
        return Err(PathError);
    }
    Ok((Some(Path { local_part, domain }), rest))
}

/// Whether a whole string is a domain or an address literal, of at most 255 octets.
#[must_use]
pub fn is_domain(input: &str) -> bool {
    matches!(domain(input), Ok((_, "")))
}

/// RFC 5321 §4.1.2: `A-d-l = At-domain *( "," At-domain )`.
fn after_source_route(input: &str) -> Result<&str, PathError> {
    if !input.starts_with('@') {
        return Ok(input);
    }
    let (route, rest) = input.split_once(':').ok_or(PathError)?;
    let is_at_domain = |hop: &str| hop.strip_prefix('@').is_some_and(is_domain);
    if route.split(',').all(is_at_domain) { Ok(rest) } else { Err(PathError) }
}

fn local_part(input: &str) -> Result<(Cow<'_, str>, &str), PathError> {
    if let Some(quoted) = input.strip_prefix('"') {
        return quoted_string(quoted);
    }
    let end = input.find(|c| !is_atext(c) && c != '.').unwrap_or(input.len());
    let (local_part, rest) = input.split_at_checked(end).ok_or(PathError)?;
    Ok((Cow::Borrowed(local_part), rest))
}

/// The rest of a `Quoted-string` after its first quote.
fn quoted_string(input: &str) -> Result<(Cow<'_, str>, &str), PathError> {
    let mut unescaped = String::new();
    let mut escaped = false;
    for (at, c) in input.char_indices() {
        match c {
            _ if c.is_control() => return Err(PathError),
            _ if escaped => {
                unescaped.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Ok((Cow::Owned(unescaped), input.get(at.saturating_add(1)..).unwrap_or(""))),
            _ => unescaped.push(c),
        }
    }
    Err(PathError)
}

fn domain(input: &str) -> Result<(&str, &str), PathError> {
    let end = if input.starts_with('[') {
        // RFC 5321 §4.1.3: dcontent = %d33-90 / %d94-126
        let end = input.find(']').ok_or(PathError)?;
        let literal = input.get(1..end).ok_or(PathError)?;
        if literal.is_empty() || !literal.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '[' | '\\')) {
            return Err(PathError);
        }
        end.saturating_add(1)
    } else {
        let is_domain_char = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || (!c.is_ascii() && !c.is_control())
        };
        let end = input.find(|c| !is_domain_char(c)).unwrap_or(input.len());
        let labels = input.get(..end).ok_or(PathError)?;
        if labels.split('.').any(str::is_empty) {
            return Err(PathError);
        }
        end
    };
    if end > DOMAIN_BYTES_MAX {
        return Err(PathError);
    }
    input.split_at_checked(end).ok_or(PathError)
}

/// RFC 5322 §3.2.3, and RFC 6531 §3.3: UTF8-non-ascii.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '!' | '#'
                | '$'
                | '%'
                | '&'
                | '\''
                | '*'
                | '+'
                | '-'
                | '/'
                | '='
                | '?'
                | '^'
                | '_'
                | '`'
                | '{'
                | '|'
                | '}'
                | '~'
        )
        || (!c.is_ascii() && !c.is_control())
}

/// RFC 5321 §4.5.3.1.1 asks for 64; names of accounts go to 255, and VERP makes long ones.
const LOCAL_PART_BYTES_MAX: usize = 255;
/// RFC 5321 §4.5.3.1.2
const DOMAIN_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests;
