//! Application servers that post pushes: one connection each, HTTP/1.1 kept alive or HTTP/2 with prior knowledge.
//!
//! Everything that does not differ from push to push is made once, so that the service is what is measured.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How pushes are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Kept alive, one request under way for each connection.
    Http1,
    /// With prior knowledge, several requests under way for each connection.
    Http2,
}

/// One request under way at a time; those of HTTP/2 can be cloned to share a connection.
pub enum Poster {
    /// HTTP/1.1.
    Http1(Http1),
    /// HTTP/2.
    Http2(Http2),
}

/// What does not differ from push to push.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Where the service is.
    pub address: SocketAddr,
    /// `Authorization`, one for each sender.
    pub authorizations: Vec<String>,
    /// The encrypted message.
    pub body: Bytes,
}

/// A connection of HTTP/1.1.
pub struct Http1 {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

/// A share in a connection of HTTP/2.
#[derive(Clone)]
pub struct Http2 {
    requests: SendRequest<Bytes>,
}

impl Poster {
    /// `count` posters: a connection for each with HTTP/1.1, one for each [`STREAMS`] of them with HTTP/2. What drives
    /// those goes to `drivers`; it ends with the last poster of a connection.
    ///
    /// # Errors
    /// If the service can't be reached.
    pub async fn open(
        protocol: Protocol,
        address: SocketAddr,
        count: usize,
        drivers: &mut JoinSet<()>,
    ) -> Result<Vec<Self>> {
        let mut posters = Vec::with_capacity(count);
        while posters.len() < count {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            match protocol {
                Protocol::Http1 => {
                    posters.push(Self::Http1(Http1 { stream, buffer: Vec::new(), request: Vec::new() }));
                }
                Protocol::Http2 => {
                    let (requests, connection) = h2::client::handshake(stream).await?;
                    drivers.spawn(async move {
                        // A connection that fails fails its requests, which tell.
                        let _told_elsewhere = connection.await;
                    });
                    let shares = STREAMS.min(count.saturating_sub(posters.len()));
                    posters.extend((0..shares).map(|_| Self::Http2(Http2 { requests: requests.clone() })));
                }
            }
        }
        Ok(posters)
    }

    /// Posts a push to the resource at `path` as the given sender.
    ///
    /// # Errors
    /// If it is not answered with 201.
    pub async fn post(&mut self, sheet: &Sheet, path: &str, sender: usize) -> Result<()> {
        let authorization = sheet.authorizations.get(sender).context("no such sender")?;
        let status = match self {
            Self::Http1(http1) => http1.post(sheet, path, authorization).await?,
            Self::Http2(http2) => http2.post(sheet, path, authorization).await?,
        };
        ensure!(status == 201, "a push was answered with {status}");
        Ok(())
    }
}

impl Http1 {
    async fn post(&mut self, sheet: &Sheet, path: &str, authorization: &str) -> Result<u16> {
        use std::io::Write as _;
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nTTL: {TTL_SECONDS}\r\nUrgency: normal\r\n\
             Content-Encoding: aes128gcm\r\nContent-Type: application/octet-stream\r\n\
             Authorization: {authorization}\r\nContent-Length: {}\r\n\r\n",
            sheet.address,
            sheet.body.len()
        )?;
        self.request.extend(&sheet.body);
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if let Some(answer) = read_answer(&self.buffer)? {
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the push service closed the connection");
            }
        }
    }
}

impl Http2 {
    async fn post(&mut self, sheet: &Sheet, path: &str, authorization: &str) -> Result<u16> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{path}", sheet.address))
            .header("ttl", TTL_SECONDS)
            .header("urgency", "normal")
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("authorization", authorization)
            .header("content-length", sheet.body.len())
            .body(())?;
        std::future::poll_fn(|context| self.requests.poll_ready(context)).await?;
        let (answer, mut body) = self.requests.send_request(request, false)?;
        body.send_data(sheet.body.clone(), true)?;
        Ok(answer.await?.status().as_u16())
    }
}

/// The status of a whole answer, `None` while it is incomplete. An answer that announces a body is a refusal, whose body
/// nobody reads.
fn read_answer(bytes: &[u8]) -> Result<Option<u16>> {
    if memchr::memmem::find(bytes, b"\r\n\r\n").is_none() {
        return Ok(None);
    }
    let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    status.map(Some).context("not an answer of HTTP/1.1")
}

/// Requests under way in one connection of HTTP/2.
pub const STREAMS: usize = 8;
/// Above 0, so that a push is stored before it is answered.
const TTL_SECONDS: u32 = 3600;

#[cfg(test)]
mod tests {
    use super::read_answer;

    #[test]
    fn an_answer_is_read_once_its_head_is_whole() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(read_answer(&answer[..30]).unwrap(), None);
        assert_eq!(read_answer(answer).unwrap(), Some(201));
        assert!(read_answer(b"nonsense\r\n\r\n").is_err());
    }
}
