//! The client halves that make the load: as little work for each message as will do, so that the server is what is measured.

pub mod imap;
pub mod jmap;
pub mod lmtp;
pub mod metrics;
pub mod poster;
pub mod websocket;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection with a read buffer, read by lines.
pub(crate) struct Lines {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the next line starts in `buffer`.
    start: usize,
}

impl Lines {
    pub(crate) async fn connect(address: std::net::SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new(), start: 0 })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The next line without its line end.
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>> {
        let mut scanned = self.start;
        loop {
            let unscanned = self.buffer.get(scanned..).unwrap_or_default();
            if let Some(at) = unscanned.iter().position(|byte| *byte == b'\n') {
                let end = scanned.saturating_add(at);
                let line = self.buffer.get(self.start..end).unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                self.start = end.saturating_add(1);
                return Ok(line);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            scanned = self.buffer.len();
            self.fill().await?;
        }
    }

    /// The next so many bytes.
    pub(crate) async fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        loop {
            let end = self.start.saturating_add(length);
            if let Some(bytes) = self.buffer.get(self.start..end) {
                let bytes = bytes.to_vec();
                self.start = end;
                return Ok(bytes);
            }
            self.fill().await?;
        }
    }

    /// Gives the buffer back to the allocator: the connection is about to idle.
    pub(crate) fn shrink(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.shrink_to_fit();
    }

    /// Reads on until what has come in ends with `tail` at the start of a line and a line end; returns the number of
    /// times `mark` stood in it. For answers of megabytes.
    pub(crate) async fn skip_to(&mut self, tail: &[u8], mark: &[u8]) -> Result<usize> {
        let mut marks = 0;
        loop {
            let unread = self.buffer.get(self.start..).unwrap_or_default();
            let ended = unread.ends_with(b"\r\n")
                && memchr::memmem::rfind(
                    unread.get(unread.len().saturating_sub(200)..).unwrap_or_default(),
                    tail,
                )
                .is_some();
            if ended {
                marks += memchr::memmem::find_iter(unread, mark).count();
                self.buffer.clear();
                self.start = 0;
                return Ok(marks);
            }
            // Whole chunks are counted and dropped, but for the last bytes, where a mark may be cut.
            if unread.len() > CHUNK_BYTES {
                let keep = unread.len().saturating_sub(tail.len().max(mark.len()) + 200);
                let (done, _) = unread.split_at(keep);
                // A mark that crosses the cut starts in the kept bytes less than its own length before them.
                marks += memchr::memmem::find_iter(done, mark).count();
                let cut = self.start.saturating_add(keep).saturating_sub(mark.len().saturating_sub(1));
                self.buffer.drain(..cut);
                self.start = 0;
            }
            self.fill().await?;
        }
    }

    /// Reads on until what has come in ends with a line that starts with `tail`; returns how many bytes came. For answers of
    /// many megabytes, which are not looked at.
    pub(crate) async fn count_to(&mut self, tail: &[u8]) -> Result<usize> {
        let mut bytes = self.buffer.len().saturating_sub(self.start);
        self.buffer.drain(..self.start);
        self.start = 0;
        loop {
            let last = self.buffer.get(self.buffer.len().saturating_sub(200)..).unwrap_or_default();
            if last.ends_with(b"\r\n") && memchr::memmem::rfind(last, tail).is_some() {
                self.buffer.clear();
                return Ok(bytes);
            }
            if self.buffer.len() > CHUNK_BYTES {
                self.buffer.drain(..self.buffer.len().saturating_sub(200));
            }
            self.buffer.reserve(CHUNK_BYTES);
            let read = self.stream.read_buf(&mut self.buffer).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            bytes = bytes.saturating_add(read);
        }
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.reserve(FILL_BYTES);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

const FILL_BYTES: usize = 4 * 1024;
const CHUNK_BYTES: usize = 256 * 1024;
