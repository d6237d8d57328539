//! A user agent that does as little as it may: the messages of Firefox over WebSocket, nothing decrypted.
//!
//! Reads only what a measurement needs out of the JSON, and masks with zeros (RFC 6455 §5.3 asks for random masks
//! because of proxies, of which there are none on loopback).

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// One connection, over TCP or TLS.
pub struct UserAgent<S> {
    stream: S,
    buffer: Vec<u8>,
    /// What of `buffer` has been read.
    start: usize,
}

/// What a notification has to be acknowledged with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The subscription's name within the agent.
    pub channel: String,
    /// The message's name within the service.
    pub version: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> UserAgent<S> {
    /// Makes a WebSocket of a connection (RFC 6455 §4.1).
    ///
    /// # Errors
    /// If the server does not switch.
    pub async fn open(stream: S, host: &str) -> Result<Self> {
        let mut this = Self { stream, buffer: Vec::new(), start: 0 };
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        this.stream.write_all(request.as_bytes()).await?;
        loop {
            if let Some(end) = memchr::memmem::find(&this.buffer, b"\r\n\r\n") {
                ensure!(
                    this.buffer.starts_with(b"HTTP/1.1 101"),
                    "the push service did not switch to WebSocket"
                );
                this.start = end.saturating_add(4);
                return Ok(this);
            }
            this.fill().await?;
        }
    }

    /// Says hello, as a new agent or as the one of that id; returns the id.
    ///
    /// # Errors
    /// If it is not welcome.
    pub async fn hello(&mut self, agent: Option<&str>) -> Result<String> {
        let uaid = agent.unwrap_or_default();
        self.send(&format!(
            r#"{{"messageType":"hello","use_webpush":true,"uaid":"{uaid}","broadcasts":{{}}}}"#
        ))
        .await?;
        let answer = self.next().await?;
        Ok(field(&answer, "uaid").context("an answer to hello without uaid")?.to_owned())
    }

    /// Asks for a subscription that is restricted to `key`, if there is one.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn ask_for_subscription(&mut self, channel: &str, key: Option<&str>) -> Result<()> {
        let key = key.map_or_else(String::new, |key| format!(r#","key":"{key}""#));
        self.send(&format!(r#"{{"messageType":"register","channelID":"{channel}"{key}}}"#)).await
    }

    /// The path of the push resource in the next answer to [`UserAgent::ask_for_subscription`].
    ///
    /// # Errors
    /// If the answer is a refusal.
    pub async fn push_resource(&mut self) -> Result<Box<str>> {
        let answer = self.next().await?;
        let endpoint = field(&answer, "pushEndpoint").filter(|endpoint| !endpoint.is_empty());
        let endpoint = endpoint.with_context(|| format!("refused: {}", String::from_utf8_lossy(&answer)))?;
        let path = endpoint.splitn(4, '/').nth(3).context("an endpoint without a path")?;
        Ok(format!("/{path}").into())
    }

    /// The next notification. Cancel-safe.
    ///
    /// # Errors
    /// If something else comes.
    pub async fn notification(&mut self) -> Result<Notification> {
        let message = self.next().await?;
        let channel = field(&message, "channelID").context("not a notification")?.to_owned();
        let version = field(&message, "version").context("not a notification")?.to_owned();
        Ok(Notification { channel, version })
    }

    /// Acknowledges one, in a message of its own as Firefox does.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn acknowledge(&mut self, notification: &Notification) -> Result<()> {
        let Notification { channel, version } = notification;
        self.send(&format!(
            r#"{{"messageType":"ack","updates":[{{"channelID":"{channel}","version":"{version}","code":100}}]}}"#
        ))
        .await
    }

    /// Gives the buffer back: the connection is about to idle.
    pub fn shrink(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.shrink_to_fit();
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        let mut frame = Vec::with_capacity(text.len().saturating_add(8));
        frame.push(FINAL_TEXT);
        match u8::try_from(text.len()) {
            Ok(length) if length < LENGTH_16 => frame.push(MASKED | length),
            _ => {
                let length = u16::try_from(text.len()).context("a message of a client is short")?;
                frame.push(MASKED | LENGTH_16);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }

    /// The next text message. Pings are answered. Cancel-safe but for those answers.
    async fn next(&mut self) -> Result<Vec<u8>> {
        loop {
            let unread = self.buffer.get(self.start..).unwrap_or_default();
            let Some((opcode, payload, rest)) = split_frame(unread) else {
                self.fill().await?;
                continue;
            };
            let payload = payload.to_vec();
            self.start = self.buffer.len().saturating_sub(rest.len());
            match opcode {
                FINAL_TEXT => return Ok(payload),
                FINAL_PING => self.stream.write_all(&[FINAL_PONG, MASKED, 0, 0, 0, 0]).await?,
                _ => bail!("the push service ends the connection"),
            }
        }
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.reserve(FILL_BYTES);
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the push service closed the connection");
        Ok(())
    }
}

/// RFC 6455 §5.2: first byte, payload and what follows, of a whole frame of a server.
fn split_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[first, length], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        LENGTH_16 => {
            rest.split_first_chunk::<2>().map(|(l, rest)| (usize::from(u16::from_be_bytes(*l)), rest))?
        }
        LENGTH_64 => rest
            .split_first_chunk::<8>()
            .and_then(|(l, rest)| Some((usize::try_from(u64::from_be_bytes(*l)).ok()?, rest)))?,
        length => (usize::from(length), rest),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    Some((first, payload, rest))
}

/// The string value of a member. Good for what our own service sends, whose strings have no escapes.
fn field<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let mark = format!(r#""{name}":""#);
    let at = memchr::memmem::find(json, mark.as_bytes())?.checked_add(mark.len())?;
    let value = json.get(at..)?;
    std::str::from_utf8(value.get(..memchr::memchr(b'"', value)?)?).ok()
}

const FINAL_TEXT: u8 = 0x81;
const FINAL_PING: u8 = 0x89;
const FINAL_PONG: u8 = 0x8a;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
const FILL_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::{field, split_frame};

    #[test]
    fn frames_of_every_length_are_split_and_parts_of_one_are_not() {
        for length in [0_usize, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut frame = vec![0x81];
            match length {
                0..126 => frame.push(u8::try_from(length).unwrap()),
                126..=65_535 => {
                    frame.push(126);
                    frame.extend(u16::try_from(length).unwrap().to_be_bytes());
                }
                _ => {
                    frame.push(127);
                    frame.extend(u64::try_from(length).unwrap().to_be_bytes());
                }
            }
            frame.extend(&payload);
            for cut in [1, frame.len() - 1] {
                assert_eq!(split_frame(&frame[..cut.min(frame.len() - 1)]), None, "{length} cut at {cut}");
            }
            frame.extend(b"next");
            assert_eq!(split_frame(&frame), Some((0x81, payload.as_slice(), b"next".as_slice())), "{length}");
        }
    }

    #[test]
    fn a_member_is_found_by_its_name() {
        let json = br#"{"messageType":"register","channelID":"c","pushEndpoint":"https://p/wpush/t"}"#;
        assert_eq!(field(json, "pushEndpoint"), Some("https://p/wpush/t"));
        assert_eq!(field(json, "uaid"), None);
    }
}
