//! Which certificates are trusted for TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;

/// A set of certificate authorities. Cheap to clone.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

/// Why certificates can't be used.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A PEM file could not be read.
    #[error("certificate file {path}")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// A certificate is not one of an authority.
    #[error("unusable certificate")]
    Certificate(#[source] rustls::Error),
    /// The TLS library refuses its own defaults.
    #[error("TLS")]
    Tls(#[source] rustls::Error),
}

impl Trust {
    /// The system's authorities. Those that can't be read are left out; a machine without any trusts nobody.
    pub fn system() -> Result<Self, TrustError> {
        Self::with(system_roots())
    }

    /// The system's authorities and those in a PEM file.
    pub fn system_and_file(path: &Path) -> Result<Self, TrustError> {
        let mut roots = system_roots();
        let file = |source| TrustError::File { path: path.display().to_string(), source };
        for certificate in CertificateDer::pem_file_iter(path).map_err(file)? {
            roots.add(certificate.map_err(file)?).map_err(TrustError::Certificate)?;
        }
        Self::with(roots)
    }

    /// Only this authority: for tests, and for those who run their own.
    pub fn only(authority: CertificateDer<'_>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.into_owned()).map_err(TrustError::Certificate)?;
        Self::with(roots)
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    fn with(roots: RootCertStore) -> Result<Self, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::debug!(%error, "a system certificate can't be read");
    }
    let (_added, _skipped) = roots.add_parsable_certificates(found.certs);
    roots
}

/// A failed handshake as an input or output error.
pub(crate) fn not_a_name() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a host name")
}
