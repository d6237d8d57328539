//! Blobs: read by whoever may, downloaded (RFC 8620 §6.2).

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use message::Parsed;
use store::Access;

use super::answer::{self, Body};
use crate::reply::{MethodError, Problem};
use crate::server::Inner;
use crate::wire::blob::{BlobId, Whole};
use crate::wire::id;

/// The octets of a blob; `None` if there is none that the access may know of.
///
/// # Errors
/// serverUnavailable, serverFail.
pub(crate) async fn read(
    server: &Inner,
    access: &Access,
    blob: &BlobId,
) -> Result<Option<Bytes>, MethodError> {
    let whole = match &blob.whole {
        // An email that JMAP does not show is not there (RFC 8621 §4.1.1).
        Whole::Message(id) => {
            let columns = store::Columns { envelope: false, structure: false, summary: false };
            match server.store.emails(access, vec![*id], columns).await?.is_empty() {
                true => Err(store::Error::NotFound("message")),
                false => server.store.raw(access, *id).await,
            }
        }
        Whole::Upload(id) => server.store.uploaded(access, id).await,
    };
    let whole = match whole {
        Ok(whole) => whole,
        Err(store::Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(part) = blob.part else { return Ok(Some(whole)) };
    let decode = move || {
        let parsed = Parsed::parse(&whole);
        let node = parsed.structure.node(usize::try_from(part).ok()?)?;
        // What can't be decoded is given as it was sent.
        Some(match message::content(node.part, &whole) {
            Ok(content) => Bytes::from(content.bytes.into_owned()),
            Err(_) => whole.slice_ref(whole.get(node.part.body_range()).unwrap_or_default()),
        })
    };
    tokio::task::spawn_blocking(decode).await.map_err(|_| MethodError::ServerFail)
}

/// Answers a download: `path` is what follows `/jmap/download/`, `query` may name a media type.
pub(crate) async fn download(
    server: &Inner,
    access: &Access,
    path: &str,
    query: Option<&str>,
) -> Result<Response<Body>, Problem> {
    let missing = Problem::Status(StatusCode::NOT_FOUND, "no such blob");
    let mut parts = path.splitn(3, '/');
    let (Some(account), Some(blob), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(missing);
    };
    let blob = BlobId::parse(blob).filter(|_| id::account(account) == Some(access.owner()));
    let Some(blob) = blob else { return Err(missing) };
    let bytes = read(server, access, &blob).await.map_err(|error| match error {
        MethodError::ServerUnavailable => {
            Problem::Status(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
        }
        _ => Problem::Status(StatusCode::INTERNAL_SERVER_ERROR, "the blob can't be read"),
    })?;
    let bytes = bytes.ok_or(missing)?;
    let wanted = query.and_then(|query| parameter(query, "accept")).filter(|wanted| is_media_type(wanted));
    let mut answer = answer::full(StatusCode::OK, "application/octet-stream", bytes);
    let headers = answer.headers_mut();
    if let Some(value) = wanted.and_then(|wanted| HeaderValue::try_from(wanted).ok()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    // RFC 6266 §4.3; the name is percent-encoded in the URL as it is here.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!".contains(&byte);
    let name = if name.bytes().all(is_plain) { name } else { "" };
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    // RFC 8620 §6.2: a blob never changes.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, immutable, max-age=31536000"));
    Ok(answer)
}

/// A parameter of a query, percent-decoded.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after.get(2..)?;
            }
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_and_decoded() {
        let query = "a=1&accept=text%2Fplain&b=c+d&e=%zz";
        for (name, expected) in
            [("a", Some("1")), ("accept", Some("text/plain")), ("b", Some("c d")), ("e", None), ("f", None)]
        {
            assert_eq!(parameter(query, name).as_deref(), expected, "{name}");
        }
        assert!(is_media_type("text/plain") && !is_media_type("text/plain; x") && !is_media_type("text"));
    }
}
