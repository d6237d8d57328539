//! The TLS configuration: the authorities of the system, and those that the operator adds.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Why the additional authorities can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Not PEM.
    #[error("the additional authorities are not a PEM file")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// No certificate in it.
    #[error("the PEM file of additional authorities holds no certificate")]
    Empty,
    /// A certificate that can't be an authority.
    #[error("a certificate among the additional authorities can't be used")]
    Certificate(#[source] rustls::Error),
    /// The cryptographic library does not speak TLS 1.2 or 1.3.
    #[error("no usable TLS version")]
    Versions(#[source] rustls::Error),
}

/// A configuration that trusts the system's authorities and those in `extra_ca`, and offers HTTP/2 before HTTP/1.1.
pub(crate) fn client_config(extra_ca: Option<&str>) -> Result<Arc<ClientConfig>, CaError> {
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
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(CaError::Versions)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// RFC 9113 §3.2.
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
