//! One request to the issuer: a connection of its own, no redirects, bounded in time and bytes.
//!
//! They are rare (keys are kept, answers remembered), so that a pool would be idle.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};
use zeroize::Zeroizing;

/// Asks the issuer.
#[derive(Clone)]
pub(crate) struct Client {
    tls: TlsConnector,
    timeout: Duration,
}

/// A form to be posted.
pub(crate) struct Form<'f> {
    /// The value of Authorization.
    pub(crate) authorization: &'f str,
    /// `application/x-www-form-urlencoded`.
    pub(crate) body: Zeroizing<String>,
}

/// Why there is no answer: which step failed, without the URL.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    /// One that trusts the system's authorities and these.
    pub(crate) fn new(
        extra_ca: Vec<CertificateDer<'static>>,
        timeout: Duration,
    ) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "some of the system's certificate authorities can't be read");
        }
        let _ = roots.add_parsable_certificates(system.certs);
        for authority in extra_ca {
            roots.add(authority)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), timeout })
    }

    /// The body of the answer 200 to a GET.
    pub(crate) async fn fetch(&self, url: &Url) -> Result<Bytes, Failed> {
        let request = request(Method::GET, url)?.body(Full::default())?;
        self.ask(url, request).await
    }

    /// The body of the answer 200 to a POST.
    pub(crate) async fn post(&self, url: &Url, form: Form<'_>) -> Result<Bytes, Failed> {
        let request = request(Method::POST, url)?
            .header(AUTHORIZATION, form.authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(form.body.as_bytes().to_vec()))?;
        self.ask(url, request).await
    }

    async fn ask(&self, url: &Url, request: Request<Full<Bytes>>) -> Result<Bytes, Failed> {
        let asked = async {
            let port = url.port_or_known_default().ok_or("no port")?;
            let (stream, name) = match url.host().ok_or("no host")? {
                Host::Domain(name) => {
                    (TcpStream::connect((name, port)).await?, ServerName::try_from(name.to_owned())?)
                }
                Host::Ipv4(address) => {
                    (TcpStream::connect((address, port)).await?, ServerName::from(address))
                }
                Host::Ipv6(address) => {
                    (TcpStream::connect((address, port)).await?, ServerName::from(address))
                }
            };
            if url.scheme() == "https" {
                exchange(self.tls.connect(name, stream).await?, request).await
            } else {
                exchange(stream, request).await
            }
        };
        tokio::time::timeout(self.timeout, asked).await.map_err(|_| "no answer in time")?
    }
}

fn request(method: Method, url: &Url) -> Result<hyper::http::request::Builder, Failed> {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = url.host_str().ok_or("no host")?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let request = Request::builder().method(method).uri(path).header(HOST, host);
    Ok(request.header(ACCEPT, "application/json").header(CONNECTION, "close"))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Bytes, Failed> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answered = async move {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(Failed::from(format!("HTTP status {}", response.status().as_u16())));
        }
        Ok(Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes())
    };
    // What breaks the connection breaks the answer, which tells of it.
    let (answer, _ended) = tokio::join!(answered, connection);
    answer
}

/// The longest answer. Sets of keys have some kilobytes.
const ANSWER_BYTES_MAX: usize = 512 << 10;
