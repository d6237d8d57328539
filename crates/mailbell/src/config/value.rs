//! What a configuration value may look like: one function for each kind, from [`Raw`] to a type of the domain.
//!
//! Each takes the TOML form and the text of an environment variable, and says in one sentence without a stop what
//! it wanted instead. None touches the file system or the network.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use authentication::token::{KeySource, may_be_asked};
use ipnet::IpNet;
use url::Url;
use webpush::vapid::token::Contact;

use super::source::Raw;

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    /// A TCP port; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Any string that is not empty.
pub(crate) fn text(raw: &Raw) -> Result<String, String> {
    match raw {
        Raw::Text(text) | Raw::Variable(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Raw::Text(_) | Raw::Variable(_) => Err("is empty".to_owned()),
        other => Err(format!("{} is not a string", Shown(other))),
    }
}

/// A string, or none when it is empty: the way to switch off a thing that has a default.
pub(crate) fn optional_text(raw: &Raw) -> Result<Option<String>, String> {
    match raw {
        Raw::Text(text) | Raw::Variable(text) if text.trim().is_empty() => Ok(None),
        other => text(other).map(Some),
    }
}

/// A path that is not empty.
pub(crate) fn path(raw: &Raw) -> Result<PathBuf, String> {
    text(raw).map(PathBuf::from)
}

/// `true` or `false`.
pub(crate) fn flag(raw: &Raw) -> Result<bool, String> {
    match raw {
        Raw::Boolean(flag) => Ok(*flag),
        Raw::Variable(text) if text == "true" => Ok(true),
        Raw::Variable(text) if text == "false" => Ok(false),
        other => Err(format!("{} is not true or false", Shown(other))),
    }
}

/// A whole number of at least one.
pub(crate) fn count(raw: &Raw) -> Result<usize, String> {
    let number = match raw {
        Raw::Integer(number) => usize::try_from(*number).ok(),
        Raw::Variable(text) => text.parse().ok(),
        _ => None,
    };
    number.filter(|n| *n > 0).ok_or_else(|| format!("{} is not a whole number above 0", Shown(raw)))
}

/// A number of bytes: `"50MiB"`, `"64KiB"`, or a bare number.
pub(crate) fn bytes(raw: &Raw) -> Result<u64, String> {
    let wrong = || format!("{} is not a size such as \"50MiB\"", Shown(raw));
    let written = match raw {
        Raw::Integer(number) => return u64::try_from(*number).map_err(|_| wrong()),
        Raw::Text(text) | Raw::Variable(text) => text,
        _ => return Err(wrong()),
    };
    let (number, unit) = number_and_unit(written).ok_or_else(wrong)?;
    let factor = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// A length of time: a number and `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn duration(raw: &Raw) -> Result<Duration, String> {
    let wrong = || format!("{} is not a time such as \"30s\", \"500ms\", \"10m\" or \"7d\"", Shown(raw));
    let (Raw::Text(written) | Raw::Variable(written)) = raw else { return Err(wrong()) };
    let (number, unit) = number_and_unit(written).ok_or_else(wrong)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

/// A list of strings, a single one, or (in a variable) strings with commas between. Empty ones are left out.
pub(crate) fn list(raw: &Raw) -> Result<Vec<String>, String> {
    let items: Vec<&str> = match raw {
        Raw::List(items) => items.iter().map(String::as_str).collect(),
        Raw::Text(text) => vec![text],
        Raw::Variable(text) => text.split(',').collect(),
        other => return Err(format!("{} is not a list of strings", Shown(other))),
    };
    Ok(items.into_iter().map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

/// Addresses to listen on; none switches the listener off.
pub(crate) fn listen(raw: &Raw) -> Result<Vec<ListenAddress>, String> {
    list_of(raw, "a socket address or unix:/path", |item| match item.strip_prefix("unix:") {
        Some("") => None,
        Some(path) => Some(ListenAddress::Unix(PathBuf::from(path))),
        None => item.parse().ok().map(ListenAddress::Tcp),
    })
}

/// TCP addresses to listen on; none switches the listener off.
pub(crate) fn listen_tcp(raw: &Raw) -> Result<Vec<ListenAddress>, String> {
    list_of(raw, "a socket address", |item| item.parse().ok().map(ListenAddress::Tcp))
}

/// Networks (`10.0.0.0/8`) or single addresses.
pub(crate) fn networks(raw: &Raw) -> Result<Vec<IpNet>, String> {
    list_of(raw, "a network such as 10.0.0.0/8 or an address", |item| {
        item.parse().ok().or_else(|| item.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
    })
}

/// Paths; none is allowed.
pub(crate) fn paths(raw: &Raw) -> Result<Vec<PathBuf>, String> {
    list(raw).map(|items| items.into_iter().map(PathBuf::from).collect())
}

/// Header fields with the value that marks a message: `X-Spam-Flag: YES`.
pub(crate) fn header_marks(raw: &Raw) -> Result<Vec<(String, String)>, String> {
    list_of(raw, "a header field and a value such as \"X-Spam-Flag: YES\"", |item| {
        let (name, value) = item.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        (is_name && !value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    })
}

/// The VAPID contact, RFC 8292 §2.1: a `mailto:` or `https:` URI.
pub(crate) fn contact(raw: &Raw) -> Result<String, String> {
    let written = text(raw)?;
    match Contact::parse(&written) {
        Ok(_) => Ok(written),
        Err(_) => Err(format!("{written:?} is not a mailto: or https: URI")),
    }
}

/// A host name or address, as it stands in URLs and certificates.
pub(crate) fn hostname(raw: &Raw) -> Result<String, String> {
    let written = text(raw)?;
    let is_host =
        url::Host::parse(&written).is_ok_and(|host| host.to_string() == written.to_ascii_lowercase());
    if is_host { Ok(written) } else { Err(format!("{written:?} is not a host name")) }
}

/// An `https:` origin (`http:` for tests) without path, query or fragment.
pub(crate) fn origin(raw: &Raw) -> Result<Url, String> {
    let written = text(raw)?;
    Url::parse(&written)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host() && url.path() == "/")
        .filter(|url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty())
        .ok_or_else(|| format!("{written:?} is not an https: URL without path"))
}

/// An `https:` URL, or an `http:` one of this machine.
pub(crate) fn endpoint(raw: &Raw) -> Result<Url, String> {
    let written = text(raw)?;
    let url = Url::parse(&written).ok().filter(may_be_asked);
    url.ok_or_else(|| format!("{written:?} is not an https: URL, nor an http: one of this machine"))
}

/// Where keys are: a URL as [`endpoint`] takes it, or a path.
pub(crate) fn url_or_path(raw: &Raw) -> Result<KeySource, String> {
    match text(raw)? {
        written if written.contains("://") => endpoint(raw).map(KeySource::Url),
        written => Ok(KeySource::File(PathBuf::from(written))),
    }
}

/// One character that can separate account and detail in an address, or none to switch that off.
pub(crate) fn separator(raw: &Raw) -> Result<Option<char>, String> {
    let Some(written) = optional_text(raw)? else { return Ok(None) };
    let mut characters = written.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if one.is_ascii_punctuation() && one != '@' => Ok(Some(one)),
        _ => Err(format!("{written:?} is not one ASCII punctuation character")),
    }
}

fn list_of<T>(raw: &Raw, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    list(raw)?.iter().map(|item| parse(item).ok_or_else(|| format!("{item:?} is not {wanted}"))).collect()
}

fn number_and_unit(written: &str) -> Option<(u64, &str)> {
    let written = written.trim();
    let end = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
    let (number, unit) = written.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

/// A raw value as error messages show it: as it would be written.
struct Shown<'a>(&'a Raw);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Raw::Text(text) | Raw::Variable(text) => write!(f, "{text:?}"),
            Raw::Integer(number) => number.fmt(f),
            Raw::Boolean(flag) => flag.fmt(f),
            Raw::List(items) => write!(f, "{items:?}"),
            Raw::Other(kind) => write!(f, "a value of type {kind}"),
        }
    }
}
