//! A store with accounts, and the client's half of the mechanisms.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admission::guessing::{Guessing, Limits};
use admission::peer::Peers;
use authentication::token::Tokens;
use authentication::{
    Authenticated, Authenticator, Bindings, Exchange, Mechanism, Options, Progress, Refusal, Rejection,
};
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::{AccountId, NewAccount, Store};

/// The name of the server.
pub(crate) const HOSTNAME: &str = "mail.example.org";

/// So lenient that only who wants to is banned.
const LIMITS: Limits = Limits {
    delay: Duration::from_millis(100),
    peer_failures: 1000,
    account_failures: 40,
    ban: Duration::from_secs(600),
};

/// A store and an authenticator over it. Passwords are `secret of NAME`.
pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) authenticator: Authenticator,
    _directory: tempfile::TempDir,
}

impl Home {
    pub(crate) async fn new(accounts: &[&str], masters: &[&str]) -> Self {
        Self::open(accounts, masters, None).await
    }

    /// The same with tokens; `root` is a master.
    pub(crate) async fn with_tokens(accounts: &[&str], tokens: Tokens) -> Self {
        Self::open(accounts, &["root"], Some(tokens)).await
    }

    async fn open(accounts: &[&str], masters: &[&str], tokens: Option<Tokens>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = store::Options { data_dir: directory.path().to_owned(), readers: 2 };
        let store = Store::open(options, bus::Bus::new()).await.unwrap();
        for name in accounts {
            let password = format!("secret of {name}");
            let new = NewAccount { name, password: &password, quota_bytes: None };
            store.create_account(new).await.unwrap();
        }
        let masters = masters.iter().map(|name| (*name).to_owned()).collect();
        let options = Options {
            hostname: HOSTNAME.to_owned(),
            masters,
            tokens,
            guessing: Arc::new(Guessing::new(LIMITS)),
        };
        let authenticator = Authenticator::new(store.clone(), options);
        Self { store, authenticator, _directory: directory }
    }

    pub(crate) async fn id(&self, name: &str) -> AccountId {
        self.store.account_named(name).await.unwrap().unwrap().id
    }

    /// Begins an exchange with a peer that is counted.
    pub(crate) fn begin(&self, mechanism: Mechanism) -> Exchange {
        let peer = Peers::new(Vec::new()).of(IpAddr::from([192, 0, 2, 1]));
        self.authenticator.begin(mechanism, Bindings::default(), peer)
    }

    /// The account that PLAIN opens.
    pub(crate) async fn plain(&self, message: &str) -> Result<Authenticated, Refusal> {
        let mut exchange = self.begin(Mechanism::Plain);
        match exchange.step(Some(message.as_bytes())).await.map_err(refusal)? {
            Progress::Authenticated(authenticated) => Ok(*authenticated),
            Progress::Challenge(challenge) => panic!("a challenge: {challenge:?}"),
        }
    }

    /// The account that SCRAM-SHA-256 opens.
    pub(crate) async fn scram(
        &self,
        header: &str,
        name: &str,
        password: &str,
    ) -> Result<Authenticated, Refusal> {
        let mut exchange = self.begin(Mechanism::ScramSha256);
        let bare = format!("n={name},r=abcdefgh");
        let challenge = |progress: Progress| match progress {
            Progress::Challenge(challenge) => String::from_utf8(challenge).unwrap(),
            Progress::Authenticated(_) => panic!("too early"),
        };
        assert_eq!(challenge(exchange.step(None).await.map_err(refusal)?), "");
        let server_first =
            challenge(exchange.step(Some(format!("{header}{bare}").as_bytes())).await.map_err(refusal)?);
        let (last, signature) = client_final(header, &bare, &server_first, password);
        let server_final = challenge(exchange.step(Some(last.as_bytes())).await.map_err(refusal)?);
        assert_eq!(server_final, format!("v={signature}"), "the server has proven itself");
        match exchange.step(Some(b"")).await.map_err(refusal)? {
            Progress::Authenticated(authenticated) => Ok(*authenticated),
            Progress::Challenge(challenge) => panic!("a further challenge: {challenge:?}"),
        }
    }
}

/// Why it was refused.
pub(crate) fn refusal(rejection: Rejection) -> Refusal {
    rejection.refusal
}

/// The client's last message and the signature that it expects (RFC 5802 §3).
fn client_final(header: &str, bare: &str, server_first: &str, password: &str) -> (String, String) {
    let mut attributes = server_first.split(',');
    let nonce = attributes.next().unwrap().strip_prefix("r=").unwrap();
    let salt = STANDARD.decode(attributes.next().unwrap().strip_prefix("s=").unwrap()).unwrap();
    let iterations: u32 = attributes.next().unwrap().strip_prefix("i=").unwrap().parse().unwrap();
    let mut salted = [0; 32];
    let iterations = iterations.try_into().unwrap();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &mut salted);
    let sign = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    let client_key = sign(&salted, b"Client Key");
    let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
    let without_proof = format!("c={},r={nonce}", STANDARD.encode(header));
    let message = format!("{bare},{server_first},{without_proof}");
    let signature = sign(stored_key.as_ref(), message.as_bytes());
    let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    let server_signature = sign(sign(&salted, b"Server Key").as_ref(), message.as_bytes());
    (format!("{without_proof},p={}", STANDARD.encode(proof)), STANDARD.encode(server_signature))
}
