//! The one place where sockets are opened: resolve, check, connect to what was checked, TLS, HTTP.
//!
//! Invariant: [`TcpStream::connect`] is given a [`SocketAddr`] that the policy has just allowed, never a name.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};
use webpush::origin::Origin;

use crate::outcome::NetworkFailure;
use crate::policy::Policy;
use crate::resolve::Resolve;
use crate::tls::ALPN_HTTP2;

/// The body of a request.
pub(crate) type Body = Full<Bytes>;

/// A connection that requests can be sent on.
pub(crate) enum Link {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A new connection, and the future that reads and writes for it until it ends.
pub(crate) struct Connected {
    pub(crate) link: Link,
    pub(crate) driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Opens connections.
pub(crate) struct Connector {
    pub(crate) policy: Arc<Policy>,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) connect_timeout: Duration,
}

impl Connector {
    /// Connects to the origin of `endpoint`.
    pub(crate) async fn connect(&self, endpoint: &Url, origin: &Origin) -> Result<Connected, NetworkFailure> {
        let connecting = async {
            let socket = self.connect_tcp(endpoint, origin).await?;
            if endpoint.scheme() == "https" {
                self.start_tls(endpoint, socket).await
            } else {
                http1(socket).await
            }
        };
        timeout(self.connect_timeout, connecting).await.unwrap_or(Err(NetworkFailure::Timeout))
    }

    async fn connect_tcp(&self, endpoint: &Url, origin: &Origin) -> Result<TcpStream, NetworkFailure> {
        let port = endpoint.port_or_known_default().ok_or(NetworkFailure::Connect)?;
        let mut failure = NetworkFailure::Resolve;
        let mut tried = 0;
        for address in self.addresses(endpoint).await? {
            if let Err(refused) = self.policy.check_address(origin, address) {
                failure = refused.into();
                continue;
            }
            if tried == ADDRESSES_MAX {
                break;
            }
            tried += 1;
            let connecting = TcpStream::connect(SocketAddr::new(address, port));
            match timeout(ADDRESS_TIMEOUT, connecting).await {
                Ok(Ok(socket)) => {
                    // A push is one small write; waiting for more of it gains nothing. Failing here costs latency only.
                    let _ = socket.set_nodelay(true);
                    return Ok(socket);
                }
                Ok(Err(_)) => failure = NetworkFailure::Connect,
                Err(_) => failure = NetworkFailure::Timeout,
            }
        }
        Err(failure)
    }

    async fn addresses(&self, endpoint: &Url) -> Result<Vec<IpAddr>, NetworkFailure> {
        match endpoint.host() {
            Some(Host::Ipv4(address)) => Ok(vec![address.into()]),
            Some(Host::Ipv6(address)) => Ok(vec![address.into()]),
            Some(Host::Domain(name)) => {
                self.resolver.resolve(name).await.map_err(|_| NetworkFailure::Resolve)
            }
            None => Err(NetworkFailure::Resolve),
        }
    }

    async fn start_tls(&self, endpoint: &Url, socket: TcpStream) -> Result<Connected, NetworkFailure> {
        let name = match endpoint.host() {
            Some(Host::Ipv4(address)) => ServerName::from(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => ServerName::from(IpAddr::V6(address)),
            Some(Host::Domain(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name).to_owned();
                ServerName::try_from(name).map_err(|_| NetworkFailure::Tls)?
            }
            None => return Err(NetworkFailure::Tls),
        };
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, socket).await.map_err(|_| NetworkFailure::Tls)?;
        if stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2) {
            http2(stream).await
        } else {
            http1(stream).await
        }
    }
}

async fn http1<T>(stream: T) -> Result<Connected, NetworkFailure>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| NetworkFailure::Protocol)?;
    // How a connection ends is told to the request that it carries; there is nobody else to tell.
    let driver = Box::pin(async { drop(connection.await) });
    Ok(Connected { link: Link::Http1(sender), driver })
}

async fn http2<T>(stream: T) -> Result<Connected, NetworkFailure>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX_HTTP2)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| NetworkFailure::Protocol)?;
    let driver = Box::pin(async { drop(connection.await) });
    Ok(Connected { link: Link::Http2(sender), driver })
}

/// Of a name's addresses, so many are tried.
const ADDRESSES_MAX: usize = 4;

/// So long is one address tried before the next.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

/// A longer head of an answer fails the request.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEAD_BYTES_MAX_HTTP2: u32 = 16 * 1024;

/// An answer with more header fields fails the request.
const HEADERS_MAX: usize = 64;

/// While requests wait on a connection that says nothing, its peer is asked whether it lives, and given up if not.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
