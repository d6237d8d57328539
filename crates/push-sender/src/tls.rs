//! The TLS configuration: the authorities of the system, and those that the operator adds.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Not PEM.
    #[error("not a PEM file")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// No certificate in it.
    #[error("the PEM file holds no certificate")]
    Empty,
    /// A certificate that can't be an authority.
    #[error("a certificate among the additional authorities can't be used")]
    Certificate(#[source] rustls::Error),
    /// A certificate of ours that does not fit its key.
    #[error("our certificate and its key can't be used")]
    ClientCertificate(#[source] rustls::Error),
    /// The cryptographic library does not speak TLS 1.2 or 1.3.
    #[error("no usable TLS version")]
    Versions(#[source] rustls::Error),
}

/// By what a service knows us that asks for a certificate.
#[derive(Debug)]
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientCertificate {
    /// From the contents of PEM files: our certificate first, then the intermediate ones; and its key.
    ///
    /// # Errors
    /// [`CaError::Pem`] and [`CaError::Empty`].
    pub fn from_pem(certificates: &str, key: &str) -> Result<Self, CaError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates.as_bytes()).collect();
        let chain = chain.map_err(CaError::Pem)?;
        if chain.is_empty() {
            return Err(CaError::Empty);
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(CaError::Pem)?;
        Ok(Self { chain, key })
    }
}

/// A configuration that trusts the system's authorities and those in `extra_ca`, and offers HTTP/2 before HTTP/1.1.
pub(crate) fn client_config(
    extra_ca: Option<&str>,
    certificate: Option<ClientCertificate>,
) -> Result<Arc<ClientConfig>, CaError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's certificate authorities can't be read");
    }
    let (trusted, _) = roots.add_parsable_certificates(system.certs);
    if trusted == 0 {
        tracing::warn!("the system has no certificate authorities: public push services can't be reached");
    }
    if let Some(pem) = extra_ca {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(CaError::Pem)?).map_err(CaError::Certificate)?;
        }
        if roots.len() == before {
            return Err(CaError::Empty);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(CaError::Versions)?
        .with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { chain, key }) => {
            builder.with_client_auth_cert(chain, key).map_err(CaError::ClientCertificate)?
        }
    };
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// RFC 9113 §3.2.
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
