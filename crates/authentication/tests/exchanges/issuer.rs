//! An issuer of tokens on loopback: keys, signatures made with nothing of the code under test, and HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authentication::token::claims::Expected;
use authentication::token::{Endpoint, KeySource, Secret, Settings, Tokens};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

/// What the issuer calls itself.
pub(crate) const ISSUER: &str = "https://id.example/";

/// A key that signs.
pub(crate) enum SigningKey {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    /// Its public half as the issuer publishes it.
    pub(crate) fn public(&self, id: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": x, "y": y})
            }
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": encode(key.public_key().as_ref())})
            }
        }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    /// A token with this header and these claims, whatever they say.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match self {
            Self::P256(key) => key.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token for `email` as it should be.
    pub(crate) fn token(&self, id: &str, email: &str, expires: i64) -> String {
        let header = json!({"typ": "at+jwt", "alg": self.algorithm(), "kid": id});
        self.sign(&header, &claims(email, expires))
    }
}

/// The claims of a token as it should be.
pub(crate) fn claims(email: &str, expires: i64) -> Value {
    json!({"iss": ISSUER, "aud": "mail", "scope": "openid imap", "email": email, "exp": expires})
}

/// How to check tokens, with these keys.
pub(crate) fn settings(keys: Option<KeySource>) -> Settings {
    Settings {
        expected: Expected {
            issuer: ISSUER.to_owned(),
            audiences: vec!["mail".to_owned()],
            scopes: vec!["imap".to_owned()],
            account_claim: "email".to_owned(),
        },
        keys,
        introspection: None,
        discovery_url: Some(Url::parse("https://id.example/.well-known/openid-configuration").unwrap()),
        extra_ca: Vec::new(),
        timeout: Duration::from_secs(5),
    }
}

/// The issuer's HTTP server.
pub(crate) struct Issuer {
    pub(crate) url: Url,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Status and body by path.
    answers: BTreeMap<String, (u16, String)>,
    requests: Vec<String>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !is_whole(&request) {
                    stream.read_buf(&mut request).await.unwrap();
                }
                let request = String::from_utf8(request).unwrap();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, body) = {
                    let mut state = shared.lock().unwrap();
                    state.requests.push(request);
                    state.answers.get(&path).cloned().unwrap_or((404, String::new()))
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\nlocation: /keys\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        });
        Self { url, state }
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    /// From now on this path is answered so.
    pub(crate) fn answer(&self, path: &str, status: u16, body: &str) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// Publishes keys at `/keys`.
    pub(crate) fn publish(&self, keys: &[Value]) {
        self.answer("/keys", 200, &json!({"keys": keys}).to_string());
    }

    /// What has been asked since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    /// Tokens are checked with the keys at `/keys`.
    pub(crate) fn by_keys(&self) -> Tokens {
        Tokens::new(settings(Some(KeySource::Url(self.at("keys"))))).unwrap()
    }

    /// Tokens are checked by asking `/introspect`.
    pub(crate) fn by_introspection(&self) -> Tokens {
        self.asked_beside(None)
    }

    /// Tokens are checked by asking `/introspect`, but JWTs with keys.
    pub(crate) fn asked_beside(&self, keys: Option<KeySource>) -> Tokens {
        let (url, client_secret) = (self.at("introspect"), Secret::new("s:cret".to_owned()));
        let endpoint = Endpoint { url, client_id: "mail bell".to_owned(), client_secret };
        Tokens::new(Settings { introspection: Some(endpoint), ..settings(keys) }).unwrap()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    request.len() >= end + 4 + length
}
