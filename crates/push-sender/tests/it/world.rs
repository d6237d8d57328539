//! A test authority, a resolver that answers as told, and a sender that trusts both.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use push_sender::outcome::Outcome;
use push_sender::policy::Policy;
use push_sender::request::{Correlation, PushHeaders, Request};
use push_sender::resolve::{Addresses, Resolve, Unresolved};
use push_sender::sender::{Config, Limits, PushSender};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;
use webpush::header::{Ttl, Urgency};
use webpush::vapid::key::SigningKey;
use webpush::vapid::token::Contact;

/// Names end in this, and the certificates of servers are for all of them.
pub(crate) const DOMAIN: &str = "push.test";

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server's TLS configuration with a certificate for every name below [`DOMAIN`] and for 127.0.0.1.
    pub(crate) fn server(&self, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        self.server_named(&[&format!("*.{DOMAIN}"), "127.0.0.1"], alpn)
    }

    pub(crate) fn server_named(&self, names: &[&str], alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a private key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a usable certificate");
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }
}

/// Answers with 127.0.0.1, or for a name that was told: with each answer once, and with the last one from then on.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    pub(crate) fn tell(&self, name: &str, answers: &[&[&str]]) {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().expect("an address")).collect();
        let answers = answers.iter().map(parse).collect();
        self.0.lock().expect("no poison").insert(name.to_owned(), answers);
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        let mut told = self.0.lock().expect("no poison");
        let answer = match told.get_mut(name) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers.first().cloned().unwrap_or_default(),
            None => vec![IpAddr::from([127, 0, 0, 1])],
        };
        Box::pin(std::future::ready(if answer.is_empty() { Err(Unresolved) } else { Ok(answer) }))
    }
}

/// A sender and what surrounds it.
pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) names: Arc<Names>,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
}

impl World {
    /// Loopback is allowed; time limits that a busy machine keeps, too.
    pub(crate) fn new() -> Self {
        crate::secrecy::log();
        Self {
            authority: Authority::new(),
            names: Arc::default(),
            key: Arc::new(SigningKey::generate().expect("a key")),
            policy: Policy {
                allow_addresses: vec!["127.0.0.0/8".parse().expect("a network")],
                allow_http: false,
                own_service: None,
                contact: Some(Contact::parse("mailto:push@example.com").expect("a contact")),
            },
            limits: Limits {
                connect_timeout: Duration::from_secs(20),
                request_timeout: Duration::from_secs(20),
                queue_timeout: Duration::from_secs(20),
                ..Limits::STANDARD
            },
        }
    }

    /// As [`World::new`], for servers that never answer.
    pub(crate) fn impatient() -> Self {
        let mut world = Self::new();
        world.limits.connect_timeout = Duration::from_millis(500);
        world.limits.request_timeout = Duration::from_millis(500);
        world
    }

    pub(crate) fn sender(&self) -> Arc<PushSender> {
        let config = Config {
            policy: self.policy.clone(),
            extra_ca: Some(self.authority.pem.clone()),
            limits: self.limits,
        };
        let resolver: Arc<dyn Resolve> = Arc::clone(&self.names) as _;
        Arc::new(PushSender::new(config, resolver).expect("a sender"))
    }

    /// A push with the body `ciphertext`.
    pub(crate) fn push(&self, endpoint: &str) -> Request {
        let headers = PushHeaders {
            ttl: Ttl::from_seconds(604_800),
            urgency: Urgency::High,
            topic: Some("upd".parse().expect("a topic")),
        };
        let endpoint = Url::parse(endpoint).expect("a URL");
        let correlation = Correlation { account: 7, modseq: 42 };
        Request::push(
            endpoint,
            &headers,
            Bytes::from_static(b"ciphertext"),
            Arc::clone(&self.key),
            correlation,
        )
    }

    /// The class of what comes of one push by a sender of its own.
    pub(crate) async fn outcome(&self, endpoint: &str) -> Outcome {
        self.sender().send(&self.push(endpoint)).await
    }
}

/// The URL of a push resource on a server at this port.
pub(crate) fn endpoint(label: &str, port: u16) -> String {
    format!("https://{label}.{DOMAIN}:{port}/p/{label}")
}

/// Waits until `condition` holds, for five seconds at most.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}
