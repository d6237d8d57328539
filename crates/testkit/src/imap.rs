//! Sends IMAP commands and collects the answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};

use crate::wait::LIMIT;

/// A connection without TLS.
pub struct Imap {
    stream: BufReader<TcpStream>,
    tag: u32,
}

/// What a command was answered with.
#[derive(Debug)]
pub struct Answer {
    /// Untagged responses without their line end, literals in place (`{n}` CRLF bytes).
    pub untagged: Vec<String>,
    /// The tagged response without its tag.
    pub tagged: String,
}

impl Imap {
    /// Connects and reads the greeting.
    ///
    /// # Errors
    /// If the server can't be reached.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut client = Self { stream: BufReader::new(stream), tag: 0 };
        let greeting = client.response()?;
        ensure!(greeting.starts_with("* OK"), "the greeting was {greeting}");
        Ok(client)
    }

    /// Connects and logs in.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn login(address: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let mut client = Self::connect(address)?;
        client.ok(&format!("LOGIN {user} {password}"))?;
        Ok(client)
    }

    /// Sends a command and reads up to its tagged response, whatever that says.
    ///
    /// # Errors
    /// If the connection ends.
    pub fn command(&mut self, command: &str) -> Result<Answer> {
        self.tag += 1;
        let tag = format!("t{} ", self.tag);
        self.stream.get_mut().write_all(format!("{tag}{command}\r\n").as_bytes())?;
        let mut untagged = Vec::new();
        loop {
            let response = self.response()?;
            if let Some(tagged) = response.strip_prefix(&tag) {
                return Ok(Answer { untagged, tagged: tagged.to_owned() });
            }
            untagged.push(response);
        }
    }

    /// Sends a command and expects OK; returns the untagged responses.
    ///
    /// # Errors
    /// If the answer is NO or BAD.
    pub fn ok(&mut self, command: &str) -> Result<Vec<String>> {
        let Answer { untagged, tagged } = self.command(command)?;
        ensure!(tagged.starts_with("OK"), "{command} was answered with {tagged}");
        Ok(untagged)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// Reads one response, its literals included.
    ///
    /// # Errors
    /// If the connection ends.
    pub fn response(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        loop {
            let from = bytes.len();
            ensure!(self.stream.read_until(b'\n', &mut bytes)? > 0, "the server closed the connection");
            let line = bytes.get(from..).unwrap_or_default();
            let Some(octets) = literal_octets(line) else { break };
            let mut literal = vec![0; octets];
            self.stream.read_exact(&mut literal)?;
            bytes.append(&mut literal);
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// The length of the literal that a line announces at its end.
fn literal_octets(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("}\r\n")?;
    line.rsplit_once('{')?.1.parse().ok()
}
