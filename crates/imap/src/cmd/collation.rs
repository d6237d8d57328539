//! How texts are compared: i;unicode-casemap (RFC 5051), as RFC 5256 §1 and RFC 5255 §4 ask.

use unicode_normalization::UnicodeNormalization as _;

/// A key for comparing: texts that are equal but for case have the same one, and its bytes are in their order.
pub(crate) fn casemap(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_uppercase().into_bytes();
    }
    // RFC 5051 §2: the simple mapping of each character, then its full compatibility decomposition. A character whose
    // upper case is two of them has no simple one.
    let upper = |character: char| {
        let mut mapped = character.to_uppercase();
        match (mapped.next(), mapped.next()) {
            (Some(upper), None) => upper,
            _ => character,
        }
    };
    text.chars().map(upper).nfkd().collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests;
