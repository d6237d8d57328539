//! Blob/get (RFC 9404 §4.2): what blobs hold, or a stretch of each, as text or base64, with digests.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::DIGESTS;
use crate::http::blob;
use crate::method::{Arguments, Context, Outcome, get, typed};
use crate::reply::MethodError;
use crate::wire::blob::BlobId;
use crate::wire::number::UnsignedInt;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlobGetArguments {
    account_id: String,
    ids: Vec<String>,
    #[serde(default)]
    properties: Option<Vec<String>>,
    #[serde(default)]
    offset: Option<UnsignedInt>,
    #[serde(default)]
    length: Option<UnsignedInt>,
}

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: BlobGetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let wanted = Wanted::parse(arguments.properties)?;
    let stretch = Stretch {
        offset: arguments.offset.map_or(0, |offset| usize::try_from(offset.0).unwrap_or(usize::MAX)),
        length: arguments.length.map(|length| usize::try_from(length.0).unwrap_or(usize::MAX)),
    };
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for text in get::wanted(arguments.ids, context)? {
        let bytes = match BlobId::parse(&text) {
            Some(id) => blob::read(context.server, context.access, &id).await?,
            None => None,
        };
        let Some(bytes) = bytes else {
            not_found.push(text);
            continue;
        };
        context.room.handle(bytes.len())?;
        if wanted.shows_data() {
            context.room.show(stretch.of(&bytes).0.len())?;
        }
        let wanted = wanted.clone();
        // Digests of a large blob take long; others' requests do not wait for them.
        let show = move || wanted.shown(text, &bytes, stretch);
        list.push(tokio::task::spawn_blocking(show).await.map_err(|_| MethodError::ServerFail)?);
    }
    let mut response = Map::new();
    response.insert("accountId".to_owned(), json!(arguments.account_id));
    response.insert("list".to_owned(), Value::Array(list));
    response.insert("notFound".to_owned(), json!(not_found));
    Ok(response)
}

/// Which octets of a blob.
#[derive(Clone, Copy)]
struct Stretch {
    offset: usize,
    length: Option<usize>,
}

impl Stretch {
    /// Those that there are, and whether some that were asked for are beyond the end.
    fn of(self, bytes: &[u8]) -> (&[u8], bool) {
        let end = self.length.map_or(bytes.len(), |length| self.offset.saturating_add(length));
        let found = bytes.get(self.offset.min(bytes.len())..end.min(bytes.len())).unwrap_or_default();
        (found, self.offset > bytes.len() || end > bytes.len())
    }
}

/// Which properties are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    text: bool,
    base64: bool,
    /// Text if it is, or else base64.
    data: bool,
    size: bool,
    digests: BTreeSet<&'static str>,
}

impl Wanted {
    fn parse(properties: Option<Vec<String>>) -> Result<Self, MethodError> {
        // RFC 9404 §4.2: the default.
        let properties = properties.unwrap_or_else(|| vec!["data".to_owned(), "size".to_owned()]);
        let mut wanted =
            Self { text: false, base64: false, data: false, size: false, digests: BTreeSet::new() };
        for name in properties {
            match (&*name, name.strip_prefix("digest:")) {
                ("id", _) => {}
                ("data:asText", _) => wanted.text = true,
                ("data:asBase64", _) => wanted.base64 = true,
                ("data", _) => wanted.data = true,
                ("size", _) => wanted.size = true,
                (_, Some(digest)) => {
                    let known = DIGESTS.into_iter().find(|known| *known == digest);
                    wanted.digests.insert(known.ok_or_else(|| get::unknown_property(&name))?);
                }
                _ => return Err(get::unknown_property(&name)),
            }
        }
        Ok(wanted)
    }

    fn shows_data(&self) -> bool {
        self.text || self.base64 || self.data
    }

    fn shown(&self, id: String, bytes: &[u8], stretch: Stretch) -> Value {
        let (octets, is_truncated) = stretch.of(bytes);
        let mut object = Map::new();
        object.insert("id".to_owned(), Value::String(id));
        if self.shows_data() {
            let text = std::str::from_utf8(octets).ok();
            if self.text || (self.data && text.is_some()) {
                object.insert("data:asText".to_owned(), json!(text));
            }
            if self.base64 || (self.data && text.is_none()) {
                object.insert("data:asBase64".to_owned(), Value::String(STANDARD.encode(octets)));
            }
            if text.is_none() && (self.text || self.data) {
                object.insert("isEncodingProblem".to_owned(), Value::Bool(true));
            }
        }
        if is_truncated {
            object.insert("isTruncated".to_owned(), Value::Bool(true));
        }
        for name in &self.digests {
            let algorithm = match *name {
                "sha" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
                _ => &digest::SHA256,
            };
            let value = STANDARD.encode(digest::digest(algorithm, octets));
            object.insert(format!("digest:{name}"), Value::String(value));
        }
        if self.size {
            object.insert("size".to_owned(), json!(bytes.len()));
        }
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_cut_at_the_end_and_says_so() {
        for (offset, length, expected) in [
            (0, None, ("hello", false)),
            (1, Some(3), ("ell", false)),
            (1, Some(4), ("ello", false)),
            (1, Some(5), ("ello", true)),
            (5, None, ("", false)),
            (6, None, ("", true)),
            (usize::MAX, Some(usize::MAX), ("", true)),
        ] {
            let (found, is_truncated) = Stretch { offset, length }.of(b"hello");
            assert_eq!((found, is_truncated), (expected.0.as_bytes(), expected.1), "{offset} {length:?}");
        }
    }
}
