//! Links between resources in header fields (RFC 8288 §3), as far as user agents send them, and those that they get.

use http::header::LINK;
use http::{HeaderMap, HeaderValue};

/// A link to a resource of ours; `None` for what could not stand in a field, which none has.
pub(super) fn to(target: &str, relation: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("<{target}>; rel=\"{relation}\"")).ok()
}

/// The targets of the links with this relation type.
pub(super) fn targets(headers: &HeaderMap, relation: &str) -> Vec<String> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(split).filter(|link| link.has(relation)).map(|link| link.target.to_owned()).collect()
}

struct Link<'a> {
    target: &'a str,
    parameters: &'a str,
}

impl Link<'_> {
    /// RFC 8288 §3.3: relation types are separated by spaces and compared without regard to letter case; only the first
    /// `rel` counts.
    fn has(&self, relation: &str) -> bool {
        let relations = unquoted_pieces(self.parameters, ';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
        });
        relations
            .is_some_and(|all| all.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(relation)))
    }
}

/// The links of one field; what is not one is skipped.
fn split(value: &str) -> impl Iterator<Item = Link<'_>> {
    unquoted_pieces(value, ',').filter_map(|piece| {
        let (target, parameters) = piece.trim().strip_prefix('<')?.split_once('>')?;
        Some(Link { target, parameters })
    })
}

/// The pieces between separators that stand neither in quotes nor in angle brackets.
fn unquoted_pieces(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    text.split(move |character| {
        let is_separator = character == separator && !quoted && !bracketed;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if !bracketed => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => {}
        }
        is_separator
    })
}

#[cfg(test)]
mod tests;
