//! A fresh `mailbell push-service` on loopback, in a temporary directory, stopped when dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::websocket::UserAgent;
use crate::process::Tree;
use crate::server::{Running, free_port, temporary};

/// How the service is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// As it is behind a proxy that does TLS.
    Plain,
    /// By the service itself, without resumption.
    Tls,
}

/// A running push service.
pub struct PushServer {
    /// Where it is.
    pub address: SocketAddr,
    /// The origin in its endpoints, which VAPID tokens have to name.
    pub origin: String,
    /// Health and metrics.
    pub http: SocketAddr,
    host: String,
    tls: Option<TlsConnector>,
    running: Running,
}

/// Any transport.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl PushServer {
    /// Starts this program's own `push-service`.
    ///
    /// # Errors
    /// If it can't be started or is not ready within 30 seconds.
    pub async fn start(program: &Path, security: Security, under: Option<&Path>) -> Result<Self> {
        let directory = temporary(under)?;
        let (address, http) = (free_port()?, free_port()?);
        let (origin, host) = match security {
            Security::Plain => (format!("http://{address}"), address.to_string()),
            Security::Tls => {
                let host = format!("localhost:{}", address.port());
                (format!("https://{host}"), host)
            }
        };
        let config = directory.path().join("mailbell.toml");
        let data = directory.path().join("data");
        std::fs::write(
            &config,
            format!(
                "data_dir = \"{}\"\nhostname = \"localhost\"\n\n[listen]\npush = \"{address}\"\nhttp = \"{http}\"\n\n\
                 [push_service]\npublic_url = \"{origin}\"\n\n[log]\nlevel = \"warn\"\n",
                data.display()
            ),
        )?;
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).arg("push-service");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let running = Running::new(child, directory);
        let mut this = Self { address, origin, http, host, tls: None, running };
        this.ready().await?;
        if security == Security::Tls {
            this.tls = Some(connector(&data.join("tls/development.pem"))?);
        }
        Ok(this)
    }

    /// Its process.
    #[must_use]
    pub fn tree(&self) -> Tree {
        self.running.tree()
    }

    /// A connection of a user agent that has not said hello.
    ///
    /// # Errors
    /// If the service refuses it.
    pub async fn connect(&self) -> Result<UserAgent<Box<dyn Transport>>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Transport> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost")?, stream).await?),
        };
        UserAgent::open(stream, &self.host).await
    }

    /// Its directory, on the disk that is measured.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.running.directory().to_owned()
    }

    async fn ready(&mut self) -> Result<()> {
        for _ in 0..300 {
            if TcpStream::connect(self.http).await.is_ok() && TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the push service did not start within 30 seconds")
    }
}

/// Trusts the development certificate, and makes every handshake a whole one.
fn connector(certificate: &Path) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificate)? {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
