//! Charsets turned into UTF-8.
//!
//! `encoding_rs` knows the charsets of the WHATWG standard, mail-parser a few more (UTF-7, code page 850). An unknown
//! or lying charset never hides text: UTF-8 is tried, then windows-1252, which maps every byte.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Text in UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a> {
    /// The text, without a byte order mark.
    pub text: Cow<'a, str>,
    /// Whether some of it had to be guessed or replaced (JMAP's `isEncodingProblem`).
    pub is_damaged: bool,
}

/// Turns `bytes` in the charset called `label` into UTF-8. No label, or US-ASCII, admits UTF-8 too.
pub fn to_utf8<'a>(bytes: &'a [u8], label: Option<&[u8]>) -> Text<'a> {
    let label = label.map(<[u8]>::trim_ascii).filter(|label| !label.is_empty());
    match label {
        None => undeclared(bytes, !bytes.is_ascii()),
        Some(label) if label.eq_ignore_ascii_case(b"us-ascii") || label.eq_ignore_ascii_case(b"ascii") => {
            undeclared(bytes, !bytes.is_ascii())
        }
        Some(label) => match Encoding::for_label_no_replacement(label) {
            Some(encoding) => declared(bytes, encoding),
            None => match mail_parser::decoders::charsets::map::charset_decoder(label) {
                Some(decode) => Text { text: Cow::Owned(decode(bytes)), is_damaged: false },
                None => undeclared(bytes, true),
            },
        },
    }
}

/// Header text without a charset: UTF-8 where it is valid (RFC 6532), else windows-1252.
pub(crate) fn undeclared_str(bytes: &[u8]) -> Cow<'_, str> {
    undeclared(bytes, false).text
}

fn declared<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Text<'a> {
    let (text, is_damaged) = encoding.decode_with_bom_removal(bytes);
    Text { text, is_damaged }
}

fn undeclared(bytes: &[u8], is_damaged: bool) -> Text<'_> {
    let encoding = if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 };
    Text { text: declared(bytes, encoding).text, is_damaged }
}

#[cfg(test)]
mod tests;
