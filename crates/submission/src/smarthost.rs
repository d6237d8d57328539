//! Where mail is handed over, and how.

use std::fmt;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

/// A smarthost.
#[derive(Clone, Debug)]
pub struct Smarthost {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// How we log in; `None` if it knows us otherwise.
    pub credentials: Option<Credentials>,
    /// What we call ourselves in EHLO: a domain or an address literal.
    pub client_name: String,
}

/// How the connection is protected.
#[derive(Clone)]
pub enum Security {
    /// Not at all. For an MTA on this machine.
    Plain,
    /// TLS from the first octet (RFC 8314 §3.3).
    Implicit(Arc<ClientConfig>),
    /// TLS after STARTTLS; without that nothing is sent.
    StartTls(Arc<ClientConfig>),
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Implicit(_) => "Implicit",
            Self::StartTls(_) => "StartTls",
        })
    }
}

/// A name and its password, which is not shown.
#[derive(Clone)]
pub struct Credentials {
    /// The name.
    pub user: String,
    pub(crate) password: Zeroizing<String>,
}

impl Credentials {
    /// From what was read.
    #[must_use]
    pub fn new(user: String, password: String) -> Self {
        Self { user, password: Zeroizing::new(password) }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of additional authorities is not PEM.
    #[error("the additional certificate authorities are not PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// One of them can't be an authority.
    #[error("a certificate among the additional authorities can't be used")]
    Certificate(#[source] rustls::Error),
    /// The cryptographic library does not speak TLS 1.2 or 1.3.
    #[error("no usable TLS version")]
    Versions(#[source] rustls::Error),
}

/// A configuration that trusts the system's authorities, and those in `extra_ca` (PEM).
///
/// # Errors
/// [`TlsError`].
pub fn tls(extra_ca: Option<&str>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's certificate authorities can't be read");
    }
    roots.add_parsable_certificates(system.certs);
    for certificate in CertificateDer::pem_slice_iter(extra_ca.unwrap_or_default().as_bytes()) {
        roots.add(certificate.map_err(TlsError::Pem)?).map_err(TlsError::Certificate)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Versions)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
