//! Delivers a message over LMTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};

use crate::wait::LIMIT;

/// A connection that has greeted.
pub struct Lmtp {
    stream: BufReader<TcpStream>,
}

impl Lmtp {
    /// Connects and sends LHLO.
    ///
    /// # Errors
    /// If the server can't be reached or refuses.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut client = Self { stream: BufReader::new(stream) };
        client.expect('2')?;
        client.say("LHLO test.invalid", '2')?;
        Ok(client)
    }

    /// Delivers to the recipients; one final reply for each that was accepted, in order.
    ///
    /// # Errors
    /// If the connection ends, or a recipient or the data is refused.
    pub fn deliver(&mut self, recipients: &[&str], message: &str) -> Result<Vec<String>> {
        self.say("MAIL FROM:<sender@test.invalid>", '2')?;
        for recipient in recipients {
            self.say(&format!("RCPT TO:<{recipient}>"), '2')?;
        }
        self.say("DATA", '3')?;
        let mut data = String::new();
        for line in message.lines() {
            data.push_str(if line.starts_with('.') { "." } else { "" });
            data.push_str(line);
            data.push_str("\r\n");
        }
        data.push_str(".\r\n");
        self.stream.get_mut().write_all(data.as_bytes())?;
        recipients.iter().map(|_| self.reply()).collect()
    }

    fn say(&mut self, command: &str, class: char) -> Result<String> {
        self.stream.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        self.expect(class)
    }

    fn expect(&mut self, class: char) -> Result<String> {
        let reply = self.reply()?;
        ensure!(reply.starts_with(class), "the server answered {reply}");
        Ok(reply)
    }

    fn reply(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }
}
