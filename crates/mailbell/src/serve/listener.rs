//! Listening sockets, TCP and Unix, and the words for what keeps us from having them.
//!
//! Invariant: a path that is not a socket, or a socket that somebody answers on, is never removed.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::net::{TcpListener, UnixListener};

use crate::config::ListenAddress;

#[cfg(test)]
mod tests;

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Begins to listen; `key` is the configuration key, for the error.
    pub(crate) async fn bind(key: &str, address: &ListenAddress) -> anyhow::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => {
                let bound = TcpListener::bind(address).await;
                Ok(Self::Tcp(bound.map_err(|error| refused(key, *address, &error))?))
            }
            ListenAddress::Unix(path) => {
                remove_stale(path)
                    .with_context(|| format!("{key}: cannot listen on unix:{}", path.display()))?;
                let bound = UnixListener::bind(path)
                    .with_context(|| format!("{key}: cannot listen on unix:{}", path.display()))?;
                Ok(Self::Unix(bound, path.clone()))
            }
        }
    }

    /// Where it listens really: port 0 has become a number.
    pub(crate) fn address(&self) -> anyhow::Result<ListenAddress> {
        match self {
            Self::Tcp(listener) => {
                Ok(ListenAddress::Tcp(listener.local_addr().context("a listener without address")?))
            }
            Self::Unix(_, path) => Ok(ListenAddress::Unix(path.clone())),
        }
    }
}

fn refused(key: &str, address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there already".to_owned(),
        ErrorKind::PermissionDenied => format!(
            "not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE (port {})",
            address.port()
        ),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        _ => error.to_string(),
    };
    anyhow::anyhow!("{key}: cannot listen on {address}: {why}")
}

/// Removes the socket that a server left behind which did not end in order.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !metadata.file_type().is_socket() {
        bail!("there is a file of that name that is not a socket");
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        bail!("another program listens there already");
    }
    std::fs::remove_file(path).context("cannot remove the socket that was left there")
}
