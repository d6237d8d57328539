//! `[oauth]`: whose tokens are taken, and how they are checked.

use std::path::PathBuf;
use std::time::Duration;

use authentication::token::KeySource;
use url::Url;

use super::source::Reader;
use super::{relative_to, value};

/// `[oauth]`.
#[derive(Clone, Debug)]
pub(crate) struct OAuth {
    /// What the issuer calls itself in `iss`.
    pub(crate) issuer: String,
    /// The keys that JWTs are signed with.
    pub(crate) keys: Option<KeySource>,
    /// Who is asked about other tokens.
    pub(crate) introspection: Option<Introspection>,
    /// One of these has to be in `aud`.
    pub(crate) audiences: Vec<String>,
    /// All of these have to be in `scope`.
    pub(crate) scopes: Vec<String>,
    /// The claim that names the account.
    pub(crate) account_claim: String,
    /// Where the issuer describes itself, for clients.
    pub(crate) discovery_url: Option<Url>,
    /// PEM files with certificate authorities that are trusted besides the system's.
    pub(crate) extra_ca: Vec<PathBuf>,
    /// The longest time for one request to the issuer.
    pub(crate) timeout: Duration,
}

/// Who is asked about tokens.
#[derive(Clone, Debug)]
pub(crate) struct Introspection {
    /// Where.
    pub(crate) url: Url,
    /// Our name there.
    pub(crate) client_id: String,
    /// The file with our secret.
    pub(crate) client_secret_file: PathBuf,
}

/// Reads the section; it is on if it names an issuer.
pub(super) fn read(reader: &mut Reader) -> Option<OAuth> {
    let issuer = reader.read_placed("oauth.issuer", value::text);
    let keys = reader.read_placed("oauth.jwks", value::url_or_path);
    let asked = reader.read_placed("oauth.introspection_url", value::endpoint);
    let client_id = reader.read("oauth.client_id", None, value::optional_text);
    let client_secret_file = reader.read_placed("oauth.client_secret_file", value::path);
    let audiences = reader.read("oauth.audience", Vec::new(), value::list);
    let scopes = reader.read("oauth.scope", Vec::new(), value::list);
    let account_claim = reader.read("oauth.account_claim", "email".to_owned(), value::text);
    let discovery_url = reader.read("oauth.discovery_url", None, |raw| value::endpoint(raw).map(Some));
    let extra_ca = reader.read_placed("oauth.extra_ca", value::paths);
    let timeout = reader.read("oauth.timeout", Duration::from_secs(5), value::duration);

    let Some((issuer, at)) = issuer else {
        for place in [keys.map(|(_, place)| place), asked.map(|(_, place)| place)].into_iter().flatten() {
            reader.refuse("oauth", place, "oauth.issuer is missing".to_owned());
        }
        return None;
    };
    let wrong = if keys.is_none() && asked.is_none() {
        Some("oauth.jwks and oauth.introspection_url are both missing")
    } else if keys.is_some() && audiences.is_empty() {
        Some("oauth.audience is missing")
    } else if asked.is_some() && (client_id.is_none() || client_secret_file.is_none()) {
        Some("oauth.client_id or oauth.client_secret_file is missing")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        reader.refuse("oauth.issuer", at, wrong.to_owned());
        return None;
    }
    let keys = keys.map(|(source, place)| match source {
        KeySource::File(file) => KeySource::File(relative_to(&place, file)),
        url @ KeySource::Url(_) => url,
    });
    let introspection = match (asked, client_id, client_secret_file) {
        (Some((url, _)), Some(client_id), Some((file, place))) => {
            Some(Introspection { url, client_id, client_secret_file: relative_to(&place, file) })
        }
        _ => None,
    };
    let extra_ca = extra_ca.map_or_else(Vec::new, |(paths, place)| {
        paths.into_iter().map(|path| relative_to(&place, path)).collect()
    });
    Some(OAuth {
        issuer,
        keys,
        introspection,
        audiences,
        scopes,
        account_claim,
        discovery_url,
        extra_ca,
        timeout,
    })
}
