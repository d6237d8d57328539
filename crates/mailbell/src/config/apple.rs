//! `[apple]`: pushes by Apple's service, for its mail programs (XAPPLEPUSHSERVICE).

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::source::Reader;
use super::{CertificateFiles, relative_to, value};

/// `[apple]`.
#[derive(Clone, Debug)]
pub(crate) struct Apple {
    /// What the certificate or the key is for.
    pub(crate) topic: String,
    /// Apple's push service.
    pub(crate) url: Url,
    /// By what it knows us.
    pub(crate) identity: Identity,
    /// How long changes without new mail wait for others.
    pub(crate) merge: Duration,
}

/// By what Apple's push service knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A certificate, which the connection shows.
    Certificate(CertificateFiles),
    /// A key that signs tokens.
    Token {
        /// PEM, PKCS #8.
        key: PathBuf,
        /// Its ten characters.
        key_id: String,
        /// The team's ten characters.
        team_id: String,
    },
}

/// Reads the section; it is on if it names a topic.
pub(super) fn read(reader: &mut Reader) -> Option<Apple> {
    let topic = reader.read_placed("apple.topic", value::text);
    let certificate = reader.read_placed("apple.certificate", value::path);
    let key = reader.read_placed("apple.key", value::path);
    let token_key = reader.read_placed("apple.token_key", value::path);
    let key_id = reader.read("apple.key_id", None, value::optional_text);
    let team_id = reader.read("apple.team_id", None, value::optional_text);
    let url = reader.read("apple.url", None, |raw| value::origin(raw).map(Some));
    let merge = reader.read("apple.merge", Duration::from_secs(30), value::duration);
    let Some((topic, at)) = topic else {
        for (_, place) in [certificate, key, token_key].into_iter().flatten() {
            reader.refuse("apple", place, "apple.topic is missing".to_owned());
        }
        return None;
    };
    let identity = match (certificate, key, token_key, key_id.zip(team_id)) {
        (Some((certificate, place)), Some((key, key_place)), _, _) => {
            Identity::Certificate(CertificateFiles {
                certificate: relative_to(&place, certificate),
                key: relative_to(&key_place, key),
            })
        }
        (None, None, Some((key, place)), Some((key_id, team_id))) => {
            Identity::Token { key: relative_to(&place, key), key_id, team_id }
        }
        _ => {
            let wanted = "certificate and key, or token_key, key_id and team_id are missing";
            reader.refuse("apple.topic", at, wanted.to_owned());
            return None;
        }
    };
    let url = url.or_else(|| Url::parse(URL_DEFAULT).ok())?;
    Some(Apple { topic, url, identity, merge })
}

const URL_DEFAULT: &str = "https://api.push.apple.com";
