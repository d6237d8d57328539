//! A JMAP client over HTTP/1.1: one request under way, made once, and event sources.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::Lines;

/// A connection on which the same request is sent again and again.
pub struct Jmap {
    lines: Lines,
    request: Vec<u8>,
}

impl Jmap {
    /// Connects; `calls` are the method calls as JSON.
    ///
    /// # Errors
    /// If the server can't be reached.
    pub async fn connect(address: SocketAddr, authorization: &str, calls: &str) -> Result<Self> {
        let body = format!(
            "{{\"using\":[\"urn:ietf:params:jmap:core\",\"urn:ietf:params:jmap:mail\"],\"methodCalls\":{calls}}}"
        );
        let request = format!(
            "POST /jmap/api HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(Self { lines: Lines::connect(address).await?, request: request.into_bytes() })
    }

    /// Sends the request; the body of the answer.
    ///
    /// # Errors
    /// If the answer is none, or not 200.
    pub async fn ask(&mut self) -> Result<Vec<u8>> {
        self.lines.write(&self.request).await?;
        let length = head(&mut self.lines).await?.context("an answer without a length")?;
        self.lines.exactly(length).await
    }
}

/// A connection on which changes are told.
pub struct Events {
    lines: Lines,
}

impl Events {
    /// Listens to all changes.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn connect(address: SocketAddr, authorization: &str) -> Result<Self> {
        let mut lines = Lines::connect(address).await?;
        let request = format!(
            "GET /jmap/events?types=*&closeafter=no&ping=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n"
        );
        lines.write(request.as_bytes()).await?;
        head(&mut lines).await?;
        Ok(Self { lines })
    }

    /// Waits for the next change and says when it was read.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn change(&mut self) -> Result<Instant> {
        while !self.lines.line().await?.starts_with(b"data: ") {}
        Ok(Instant::now())
    }
}

/// Reads the head of an answer; the length of its body, if it says one.
async fn head(lines: &mut Lines) -> Result<Option<usize>> {
    let status = lines.line().await?;
    ensure!(status.starts_with(b"HTTP/1.1 200"), "the server answered {}", String::from_utf8_lossy(&status));
    let mut length = None;
    loop {
        let line = lines.line().await?;
        if line.is_empty() {
            return Ok(length);
        }
        let field = String::from_utf8_lossy(&line).to_ascii_lowercase();
        if let Some(value) = field.strip_prefix("content-length:") {
            length = Some(value.trim().parse()?);
        }
    }
}
