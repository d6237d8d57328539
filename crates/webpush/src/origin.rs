//! The origin of a push resource (RFC 6454 §4): what a VAPID token is valid for, and what a sender pools and limits by.

use std::fmt;
use std::sync::Arc;

use url::Url;

/// Scheme, host and port of an `http` or `https` URL; default ports are left out. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(Arc<str>);

impl Origin {
    /// The origin of `url`, or `None` when the URL has no origin of its own (it is neither `http` nor `https`).
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        // RFC 8292 §2 asks for the Unicode serialization (RFC 6454 §6.1).
        Some(Self(url.origin().unicode_serialization().into()))
    }

    /// Reads an origin as peers write it in `aud`: either serialization, letter case, a default port and a single slash
    /// at the end make no difference; a path, query, fragment or user name does.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if bare { Self::of(&url) } else { None }
    }

    /// The serialized form, for example `https://push.example.net` or `http://127.0.0.1:8080`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Origin({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        let cases = [
            ("https://push.example.net", Some("https://push.example.net")),
            ("https://PUSH.example.net:443/", Some("https://push.example.net")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("https://xn--bcher-kva.example", Some("https://bücher.example")),
            ("https://bücher.example", Some("https://bücher.example")),
            ("https://push.example.net/path", None),
            ("https://push.example.net/?query", None),
            ("https://push.example.net/#fragment", None),
            ("https://user@push.example.net", None),
            ("https://:secret@push.example.net", None),
            ("mailto:push@example.net", None),
            ("push.example.net", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Origin::parse(text).as_ref().map(Origin::as_str), expected, "{text}");
        }
    }

    #[test]
    fn the_origin_of_a_push_resource_leaves_out_its_path() {
        let url =
            Url::parse("https://push.example.net:8443/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV?x").expect("a URL");
        assert_eq!(Origin::of(&url).expect("an origin").as_str(), "https://push.example.net:8443");
    }
}
