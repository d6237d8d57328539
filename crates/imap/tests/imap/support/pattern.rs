//! The patterns of expected lines: `<n>` is a number, `<*>` anything, `<x=n>` a number to be remembered as x,
//! and `<x>` what was remembered.

use std::collections::BTreeMap;

pub(crate) type Variables = BTreeMap<String, String>;

enum Token<'p> {
    Text(&'p str),
    Number(Option<&'p str>),
    Anything,
}

/// Whether `line` is as `pattern` says; remembers numbers if so.
pub(crate) fn matches(pattern: &str, line: &str, variables: &mut Variables) -> bool {
    let pattern = substitute(pattern, variables);
    let mut found = Variables::new();
    let matched = match_tokens(&tokens(&pattern), line, &mut found);
    if matched {
        variables.append(&mut found);
    }
    matched
}

/// `text` with what was remembered put in.
pub(crate) fn substitute(text: &str, variables: &Variables) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
}

fn tokens(pattern: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    let mut from = 0;
    while let Some(open) = rest[from..].find('<').map(|at| at + from) {
        let special =
            rest[open..].find('>').and_then(|end| token(&rest[open + 1..open + end]).map(|t| (t, end)));
        match special {
            Some((token, end)) => {
                tokens.extend([Token::Text(&rest[..open]), token]);
                rest = &rest[open + end + 1..];
                from = 0;
            }
            None => from = open + 1,
        }
    }
    tokens.push(Token::Text(rest));
    tokens
}

fn token(inside: &str) -> Option<Token<'_>> {
    match inside {
        "n" => Some(Token::Number(None)),
        "*" => Some(Token::Anything),
        named => named.strip_suffix("=n").map(|name| Token::Number(Some(name))),
    }
}

fn match_tokens(tokens: &[Token<'_>], line: &str, found: &mut Variables) -> bool {
    let Some((token, after)) = tokens.split_first() else { return line.is_empty() };
    match token {
        Token::Text(text) => line.strip_prefix(text).is_some_and(|rest| match_tokens(after, rest, found)),
        Token::Number(name) => {
            let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let matched = digits > 0 && match_tokens(after, &line[digits..], found);
            if let (true, Some(name)) = (matched, name) {
                found.insert((*name).to_owned(), line[..digits].to_owned());
            }
            matched
        }
        Token::Anything => {
            let mut ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
            ends.any(|at| match_tokens(after, &line[at..], found))
        }
    }
}
