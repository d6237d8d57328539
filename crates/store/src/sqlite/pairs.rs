//! Lists of pairs in one column: a line for each, with the second after a tab where there is one.
//!
//! The calls that take such lists refuse control characters in them ([`is_plain`]), so that what is read is what was written.

use crate::{EnvelopeAddress, NamedAddress, SmtpParameters};

/// Whether a text can stand in such a list.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Addresses of an identity.
pub(crate) fn write_addresses(addresses: &[NamedAddress]) -> String {
    write(addresses.iter().map(|address| (address.email.as_str(), address.name.as_deref())))
}

/// And back.
pub(crate) fn read_addresses(text: &str) -> Vec<NamedAddress> {
    read(text).into_iter().map(|(email, name)| NamedAddress { name, email }).collect()
}

/// Parameters of an envelope's address.
pub(crate) fn write_parameters(address: &EnvelopeAddress) -> Option<String> {
    let pairs = address.parameters.as_ref()?;
    Some(write(pairs.iter().map(|(name, value)| (name.as_str(), value.as_deref()))))
}

/// And back.
pub(crate) fn read_parameters(text: Option<String>) -> Option<SmtpParameters> {
    text.map(|text| read(&text))
}

/// Whether an envelope's address can be stored.
pub(crate) fn is_plain_address(address: &EnvelopeAddress) -> bool {
    let has_plain_pairs = |pairs: &SmtpParameters| {
        pairs.iter().all(|(name, value)| is_plain(name) && value.as_deref().is_none_or(is_plain))
    };
    is_plain(&address.email) && address.parameters.as_ref().is_none_or(has_plain_pairs)
}

fn write<'p>(pairs: impl Iterator<Item = (&'p str, Option<&'p str>)>) -> String {
    let mut text = String::new();
    for (first, second) in pairs {
        text.push_str(first);
        if let Some(second) = second {
            text.push('\t');
            text.push_str(second);
        }
        text.push('\n');
    }
    text
}

fn read(text: &str) -> Vec<(String, Option<String>)> {
    let pair = |line: &str| match line.split_once('\t') {
        Some((first, second)) => (first.to_owned(), Some(second.to_owned())),
        None => (line.to_owned(), None),
    };
    text.lines().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let pair = |first: &str, second: Option<&str>| (first.to_owned(), second.map(str::to_owned));
        for pairs in [
            vec![],
            vec![pair("RET", Some("HDRS")), pair("SMTPUTF8", None)],
            vec![pair("a@b.test", Some("")), pair("", None), pair("ü", Some("a b"))],
        ] {
            let address = EnvelopeAddress { email: "x".into(), parameters: Some(pairs.clone()) };
            assert_eq!(read_parameters(write_parameters(&address)), Some(pairs));
        }
        assert!(is_plain("Zoë, of a.test") && !is_plain("a\tb") && !is_plain("a\r\nb"));
    }
}
