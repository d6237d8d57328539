//! Byte streams to a host: plain or TLS, within a time limit.

use std::io;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::trust::{Trust, not_a_name};

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, whatever it goes over.
pub type Stream = Box<dyn Duplex>;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or a literal address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Opens a TCP connection within 20 seconds.
pub async fn connect(address: &Address) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let stream = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| timed_out())??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Turns a stream into a TLS one with the host's name checked, within 20 seconds.
pub async fn secure<S: Duplex + 'static>(stream: S, host: &str, trust: &Trust) -> io::Result<Stream> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| not_a_name())?;
    let handshake = TlsConnector::from(trust.config()).connect(name, stream);
    let stream = timeout(CONNECT_TIMEOUT, handshake).await.map_err(|_| timed_out())??;
    Ok(Box::new(stream))
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the peer does not answer")
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
