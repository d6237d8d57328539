//! A message from fields and parts: RFC 5322, RFC 2045 to 2047, RFC 2231. Lines are ASCII and have at most 78 characters where
//! the content allows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use crate::wire::blob::BlobId;
use crate::wire::date as dates;

/// A header field; the value is ready to be sent.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
}

/// A body part.
pub(super) struct Part {
    pub(super) media_type: String,
    pub(super) payload: Payload,
    pub(super) disposition: Option<String>,
    pub(super) name: Option<String>,
    pub(super) cid: Option<String>,
}

/// What a part consists of.
pub(super) enum Payload {
    Text(String),
    /// Still to be fetched.
    Blob(BlobId, Option<String>),
    Bytes(Bytes, Option<String>),
    Parts(Vec<Part>),
}

/// An EmailAddress (RFC 8621 §4.1.2.3).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    #[serde(default)]
    name: Option<String>,
    email: String,
}

/// What makes a message unlike any other.
pub(super) struct Stamp {
    /// Seconds since 1970.
    pub(super) now: i64,
    /// Random.
    pub(super) unique: String,
}

/// The message. Date and Message-ID are added if they are missing.
pub(super) fn message(mut fields: Vec<Field>, root: &Part, stamp: &Stamp, hostname: &str) -> Vec<u8> {
    let has = |fields: &[Field], name: &str| fields.iter().any(|field| field.name.eq_ignore_ascii_case(name));
    let mut add = |name: &str, value: String| {
        if !has(&fields, name) {
            fields.push(Field { name: name.to_owned(), value });
        }
    };
    add("Date", date(stamp.now, 0));
    add("Message-ID", format!("<{}@{hostname}>", stamp.unique));
    add("MIME-Version", "1.0".to_owned());
    let mut message = Vec::new();
    for Field { name, value } in &fields {
        message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let mut boundaries = 0;
    write(&mut message, root, (&stamp.unique, &mut boundaries));
    message
}

fn write(message: &mut Vec<u8>, part: &Part, (unique, boundaries): (&str, &mut usize)) {
    let mut header = format!("Content-Type: {}", part.media_type);
    let boundary = format!("{unique}.{boundaries}");
    *boundaries += 1;
    let (encoding, body) = match &part.payload {
        Payload::Parts(_) => {
            header.push_str(&format!(";\r\n boundary=\"{boundary}\""));
            ("7bit", Vec::new())
        }
        Payload::Text(text) => {
            header.push_str("; charset=utf-8");
            encoded(text.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes())
        }
        Payload::Bytes(bytes, charset) => {
            if let Some(charset) = charset.as_deref().filter(|name| is_token(name)) {
                header.push_str(&format!("; charset={charset}"));
            }
            let is_message = part.media_type.eq_ignore_ascii_case("message/rfc822");
            // RFC 2046 §5.2.1: a message is not encoded.
            if is_message { ("8bit", bytes.to_vec()) } else { encoded(bytes) }
        }
        Payload::Blob(..) => ("7bit", Vec::new()),
    };
    header.push_str(&format!("\r\nContent-Transfer-Encoding: {encoding}\r\n"));
    if part.disposition.is_some() || part.name.is_some() {
        let kind = part.disposition.as_deref().unwrap_or("attachment");
        header.push_str(&format!("Content-Disposition: {kind}"));
        if let Some(name) = &part.name {
            header.push_str(&format!(";\r\n {}", file_name(name)));
        }
        header.push_str("\r\n");
    }
    let is_id = |id: &&String| id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>');
    if let Some(cid) = part.cid.as_ref().filter(is_id) {
        header.push_str(&format!("Content-ID: <{cid}>\r\n"));
    }
    message.extend_from_slice(header.as_bytes());
    message.extend_from_slice(b"\r\n");
    message.extend_from_slice(&body);
    if let Payload::Parts(parts) = &part.payload {
        for inner in parts {
            message.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
            write(message, inner, (unique, boundaries));
        }
        message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    }
}

/// The transfer encoding and what it makes of content.
fn encoded(content: &[u8]) -> (&'static str, Vec<u8>) {
    let is_plain = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.len() <= LINE_BYTES_MAX && line.iter().all(|byte| matches!(byte, 1..=9 | 11..=12 | 14..=127))
    };
    let has_line_ends = content.iter().filter(|byte| **byte == b'\n').count()
        == content.windows(2).filter(|pair| *pair == b"\r\n").count();
    if has_line_ends && content.split(|byte| *byte == b'\n').all(is_plain) {
        return ("7bit", content.to_vec());
    }
    let digits = STANDARD.encode(content);
    let mut lines = Vec::with_capacity(digits.len() + digits.len() / 38 + 2);
    for line in digits.as_bytes().chunks(76) {
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\r\n");
    }
    ("base64", lines)
}

/// A text in a header field, in encoded words where it needs them (RFC 2047).
pub(super) fn text(text: &str) -> String {
    let is_plain =
        text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains("=?") && text.len() <= 900;
    if is_plain {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // RFC 2047 §2: 75 characters of a word; none splits a character.
        let (piece, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES_MAX.min(rest.len())));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(piece)));
        rest = after;
    }
    words.join("\r\n ")
}

/// A list of addresses; `None` if one of them is none.
pub(super) fn addresses(list: &[Address]) -> Option<String> {
    let shown = |address: &Address| {
        let email = &address.email;
        let is_safe = !email.is_empty()
            && !email.chars().any(|char| char.is_control() || char == '<' || char == '>')
            && (email.contains('"') || !email.contains([' ', ',', ';']));
        let name = address.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        is_safe.then(|| match name {
            None => email.clone(),
            Some(name) => format!("{} <{email}>", phrase(name)),
        })
    };
    Some(list.iter().map(shown).collect::<Option<Vec<_>>>()?.join(",\r\n "))
}

fn phrase(name: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(char);
    if name.chars().all(is_plain) && !name.contains("=?") {
        return name.to_owned();
    }
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !name.contains("=?") {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    text(name)
}

// RFC 2231 §4
fn file_name(name: &str) -> String {
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        return format!("filename=\"{name}\"");
    }
    let mut value = String::from("filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => value.push(char::from(byte)),
            _ => value.push_str(&format!("%{byte:02X}")),
        }
    }
    value
}

/// A date as header fields have it (RFC 5322 §3.3).
pub(super) fn date(seconds: i64, offset_minutes: i16) -> String {
    let shown = dates::with_offset(seconds, offset_minutes);
    let at = |range: std::ops::Range<usize>| shown.get(range).unwrap_or_default().to_owned();
    let month = at(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let minutes = offset_minutes.unsigned_abs();
    format!(
        "{} {} {} {} {sign}{:02}{:02}",
        at(8..10),
        month.copied().unwrap_or("Jan"),
        at(0..4),
        at(11..19),
        minutes / 60,
        minutes % 60
    )
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// RFC 5322 §2.1.1
const LINE_BYTES_MAX: usize = 998;
/// Bytes that are 60 characters of base64: a word of 72 with its marks.
const WORD_BYTES_MAX: usize = 45;
