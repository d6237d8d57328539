//! An LMTP client that delivers one message after the other, its envelope pipelined.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, bail};

use super::Lines;

/// A connection on which messages are delivered.
pub struct Lmtp {
    lines: Lines,
}

impl Lmtp {
    /// Connects and greets.
    ///
    /// # Errors
    /// If the server can't be reached or refuses.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let mut client = Self { lines: Lines::connect(address).await? };
        client.reply(b'2').await?;
        client.lines.write(b"LHLO load.invalid\r\n").await?;
        client.reply(b'2').await?;
        Ok(client)
    }

    /// Delivers one message and says when its 250 was read.
    ///
    /// # Errors
    /// If the server answers anything but 250.
    pub async fn deliver(&mut self, recipient: &str, message: &[u8]) -> Result<Instant> {
        let envelope = format!("MAIL FROM:<load@load.invalid>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
        self.lines.write(envelope.as_bytes()).await?;
        self.reply(b'2').await?;
        self.reply(b'2').await?;
        self.reply(b'3').await?;
        self.lines.write(message).await?;
        self.lines.write(b".\r\n").await?;
        self.reply(b'2').await?;
        Ok(Instant::now())
    }

    async fn reply(&mut self, class: u8) -> Result<()> {
        loop {
            let line = self.lines.line().await?;
            if line.first() != Some(&class) {
                bail!("the LMTP server answered {}", String::from_utf8_lossy(&line));
            }
            if line.get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
