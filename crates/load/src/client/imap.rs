//! An IMAP client that logs in, selects INBOX, idles and fetches.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, bail};

use super::Lines;

/// A connection that is logged in.
pub struct Imap {
    lines: Lines,
}

impl Imap {
    /// Connects and logs in.
    ///
    /// # Errors
    /// If the server can't be reached or refuses.
    pub async fn login(address: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let mut client = Self { lines: Lines::connect(address).await? };
        client.lines.line().await?;
        client.command(&format!("LOGIN {user} {password}")).await?;
        Ok(client)
    }

    /// Sends a command and reads to its tagged OK.
    ///
    /// # Errors
    /// If the server answers NO or BAD.
    pub async fn command(&mut self, command: &str) -> Result<()> {
        self.lines.write(format!("a {command}\r\n").as_bytes()).await?;
        loop {
            let line = self.lines.line().await?;
            if line.starts_with(b"a OK") {
                return Ok(());
            }
            if line.starts_with(b"a ") {
                bail!("the IMAP server answered {:?} to {command}", String::from_utf8_lossy(&line));
            }
        }
    }

    /// Sends a command and reads to its tagged OK; returns all lines.
    ///
    /// # Errors
    /// If the server answers NO or BAD.
    pub async fn answer(&mut self, command: &str) -> Result<Vec<Vec<u8>>> {
        self.lines.write(format!("a {command}\r\n").as_bytes()).await?;
        let mut untagged = Vec::new();
        loop {
            let line = self.lines.line().await?;
            if line.starts_with(b"a OK") {
                untagged.push(line);
                return Ok(untagged);
            }
            if line.starts_with(b"a ") {
                bail!("the IMAP server answered {:?} to {command}", String::from_utf8_lossy(&line));
            }
            untagged.push(line);
        }
    }

    /// Whether the server names a capability now.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn capability(&mut self, name: &str) -> Result<bool> {
        let answer = self.answer("CAPABILITY").await?;
        let named = |line: &Vec<u8>| line.split(|byte| *byte == b' ').any(|word| word == name.as_bytes());
        Ok(answer.iter().any(named))
    }

    /// Fetches all messages of the mailbox whole; returns how many bytes came.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn fetch_bodies(&mut self) -> Result<usize> {
        self.lines.write(b"f FETCH 1:* BODY.PEEK[]\r\n").await?;
        self.lines.count_to(b"f OK").await
    }

    /// Selects INBOX and idles.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn idle(&mut self) -> Result<()> {
        self.command("SELECT INBOX").await?;
        self.lines.write(b"i IDLE\r\n").await?;
        while !self.lines.line().await?.starts_with(b"+") {}
        self.lines.shrink();
        Ok(())
    }

    /// While idling: waits for the next `EXISTS` and says when it was read.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn exists(&mut self) -> Result<Instant> {
        while !self.lines.line().await?.ends_with(b" EXISTS") {}
        Ok(Instant::now())
    }

    /// Fetches ENVELOPE and FLAGS of the whole mailbox; returns how many messages came.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn fetch_envelopes(&mut self) -> Result<usize> {
        self.lines.write(b"f FETCH 1:* (ENVELOPE FLAGS)\r\n").await?;
        self.lines.skip_to(b"f OK", b" FETCH (").await
    }
}
