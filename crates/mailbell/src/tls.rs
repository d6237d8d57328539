//! The server's certificate: loaded or made, swapped while connections go on, and shared by every TLS listener.
//!
//! Not here: certificates of push services, which `push-sender` checks.
//!
//! Invariants:
//! - A reload that fails leaves the certificate that was there.
//! - The private key is checked against the certificate before either is used.
//! - A development certificate names this host and loopback only, and its key has mode 0600.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use authentication::server_end_point;
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{CertificateFiles, Config};
use crate::data_dir;

#[cfg(test)]
mod tests;

/// The certificate in use and where it comes from. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    current: Arc<Current>,
    files: CertificateFiles,
    origin: CertificateOrigin,
}

/// Who made the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateOrigin {
    /// The operator, by `[tls]`.
    Configured,
    /// We did, at an earlier start.
    Development,
    /// We did, just now.
    DevelopmentNew,
}

impl Tls {
    /// Loads the configured certificate; without one, the development certificate of the data directory, which is
    /// made if it is not there.
    pub(crate) fn load(config: &Config) -> anyhow::Result<Self> {
        let (files, origin) = match &config.tls {
            Some(files) => (files.clone(), CertificateOrigin::Configured),
            None => development(config)?,
        };
        let key = read_pair(&files)?;
        Ok(Self { current: Arc::new(Current(RwLock::new(Shown::new(key)))), files, origin })
    }

    /// Who made the certificate.
    pub(crate) fn origin(&self) -> CertificateOrigin {
        self.origin
    }

    /// The PEM file with the certificate.
    pub(crate) fn certificate_file(&self) -> &Path {
        &self.files.certificate
    }

    /// Whether we made the certificate ourselves, so that nobody else has reason to trust it.
    pub(crate) fn is_development(&self) -> bool {
        self.origin != CertificateOrigin::Configured
    }

    /// Reads the files again; connections from now on see the new certificate.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        let key = read_pair(&self.files)?;
        *self.current.0.write() = Shown::new(key);
        Ok(())
    }

    /// RFC 5929 §4: what SCRAM-SHA-256-PLUS binds to of the certificate that is shown now; `None` where its signature
    /// has no one hash.
    pub(crate) fn end_point(&self) -> Option<Arc<[u8]>> {
        self.current.0.read().end_point.clone()
    }

    /// What a TLS listener needs; `protocols` are for ALPN (RFC 7301), none for those that have no name there.
    pub(crate) fn server_config(&self, protocols: &[&[u8]]) -> anyhow::Result<Arc<ServerConfig>> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .context("cannot set up TLS")?;
        let resolver = Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

#[derive(Debug)]
struct Current(RwLock<Shown>);

/// What is shown in handshakes.
#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    end_point: Option<Arc<[u8]>>,
}

impl Shown {
    fn new(key: CertifiedKey) -> Self {
        let end_point = key.end_entity_cert().ok().and_then(|certificate| server_end_point(certificate));
        Self { key: Arc::new(key), end_point }
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().key))
    }
}

/// A certificate chain with its key, which belong together.
pub(crate) fn read_pair(files: &CertificateFiles) -> anyhow::Result<CertifiedKey> {
    let certificate = || format!("cannot read certificates from {}", files.certificate.display());
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .with_context(certificate)?
        .collect::<Result<Vec<_>, _>>()
        .with_context(certificate)?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", files.certificate.display());
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("cannot read a private key from {}", files.key.display()))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).with_context(|| {
        format!("{} and {} do not go together", files.certificate.display(), files.key.display())
    })
}

fn development(config: &Config) -> anyhow::Result<(CertificateFiles, CertificateOrigin)> {
    let directory = config.data_dir.join("tls");
    let files = CertificateFiles {
        certificate: directory.join("development.pem"),
        key: directory.join("development.key"),
    };
    if files.certificate.exists() && files.key.exists() {
        return Ok((files, CertificateOrigin::Development));
    }
    data_dir::make(&directory)?;
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    if !names.contains(&config.hostname) {
        names.insert(0, config.hostname.clone());
    }
    let made = rcgen::generate_simple_self_signed(names).context("cannot make a development certificate")?;
    data_dir::write_secret(&files.key, made.signing_key.serialize_pem().as_bytes())?;
    data_dir::write_secret(&files.certificate, made.cert.pem().as_bytes())?;
    Ok((files, CertificateOrigin::DevelopmentNew))
}

/// Every certificate of these PEM files, for those who trust more than the system's authorities.
pub(crate) fn read_authorities(files: &[PathBuf]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let mut found = Vec::new();
    for file in files {
        let context = || format!("cannot read certificates from {}", file.display());
        let before = found.len();
        for certificate in CertificateDer::pem_file_iter(file).with_context(context)? {
            found.push(certificate.with_context(context)?);
        }
        anyhow::ensure!(found.len() > before, "{} holds no certificate", file.display());
    }
    Ok(found)
}
