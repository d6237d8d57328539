//! Addresses as SMTP takes them (RFC 5321 §4.1.2), with the characters that RFC 6531 §3.3 adds.

/// Whether a text is a `Mailbox`: `Local-part "@" ( Domain / address-literal )`, without angle brackets.
#[must_use]
pub fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    (1..=LOCAL_BYTES_MAX).contains(&local.len()) && is_local_part(local) && is_domain(domain)
}

/// Whether two addresses are the same for us, who take mail without regard to ASCII case.
#[must_use]
pub fn are_same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn is_local_part(text: &str) -> bool {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted),
        None => text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext)),
    }
}

/// RFC 5321 §4.1.2: what may stand between the quotes.
fn is_quoted(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let is_right = match char {
            '"' => false,
            '\\' => chars.next().is_some_and(|next| !next.is_control()),
            other => !other.is_control(),
        };
        if !is_right {
            return false;
        }
    }
    true
}

fn is_domain(text: &str) -> bool {
    if text.len() > DOMAIN_BYTES_MAX {
        return false;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let is_right = |char: char| char.is_ascii_graphic() && !"[\\]".contains(char);
        return rest
            .strip_suffix(']')
            .is_some_and(|inside| !inside.is_empty() && inside.chars().all(is_right));
    }
    let is_right =
        |char: char| char.is_ascii_alphanumeric() || char == '-' || (!char.is_ascii() && !char.is_control());
    let is_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(is_right)
    };
    text.split('.').all(is_label)
}

/// RFC 5322 §3.2.3
fn is_atext(char: char) -> bool {
    char.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(char)
        || (!char.is_ascii() && !char.is_control())
}

/// RFC 5321 §4.5.3.1.1 has 64; some give out more.
const LOCAL_BYTES_MAX: usize = 128;
/// RFC 5321 §4.5.3.1.2
const DOMAIN_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_smtp_takes() {
        for right in [
            "a@b",
            "a.b+c@d.test",
            "\"a b\"@c.test",
            "\"a\\\"b@c\"@d.test",
            "a@[192.0.2.1]",
            "a@[IPv6:::1]",
            "zo\u{eb}@b\u{fc}cher.test",
            "o'hara@x-y.test",
        ] {
            assert!(is_mailbox(right), "{right}");
        }
        for wrong in [
            "",
            "a",
            "a@",
            "@b",
            "a b@c",
            "a..b@c",
            ".a@c",
            "a@b..c",
            "a@-b",
            "a@b-",
            "a@b c",
            "<a@b>",
            "a@[]",
            "a@[b",
            "\"a@b",
            "\"a\"b\"@c",
            "a@b\r\nDATA",
            "a\u{0}@b",
            "a@b>",
            "a,b@c",
            "a@b;c",
        ] {
            assert!(!is_mailbox(wrong), "{wrong:?}");
        }
        assert!(!is_mailbox(&format!("{}@b", "a".repeat(LOCAL_BYTES_MAX + 1))));
    }
}
