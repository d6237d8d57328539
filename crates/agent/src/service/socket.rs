//! A WebSocket to the push service, opened and greeted.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::frame::{self, AgentMessage, ServiceMessage};
use crate::agent::{AgentError, Options};
use crate::transport::{self, Stream};

/// Messages to and from the service.
pub(crate) struct Socket {
    stream: WebSocketStream<Stream>,
}

/// What came from the service.
pub(crate) enum Incoming {
    Message(ServiceMessage),
    /// A WebSocket ping or pong.
    SignOfLife,
}

/// Connects and says hello; returns the id that the service gave or confirmed.
pub(crate) async fn open(options: &Options, uaid: Option<String>) -> Result<(Socket, String), AgentError> {
    let failed = |error: &dyn std::fmt::Display| AgentError::Connect(error.to_string());
    let address = options.address()?;
    let tcp = transport::connect(&address).await.map_err(|error| failed(&error))?;
    let stream: Stream = if options.url.scheme() == "wss" {
        transport::secure(tcp, &address.host, &options.trust).await.map_err(|error| failed(&error))?
    } else {
        Box::new(tcp)
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let handshake = tokio_tungstenite::client_async_with_config(options.url.as_str(), stream, Some(config));
    let greeted = timeout(HELLO_TIMEOUT, async {
        let (stream, _response) = handshake.await.map_err(|error| failed(&error))?;
        let mut socket = Socket { stream };
        let uaid = socket.greet(uaid).await.map_err(AgentError::Connect)?;
        Ok((socket, uaid))
    });
    greeted.await.map_err(|_| AgentError::Timeout)?
}

impl Socket {
    /// What comes next, or why nothing comes any more. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Incoming, String> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => frame::decode(&text)
                .map(Incoming::Message)
                .map_err(|_| "the service sent nonsense".to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Incoming::SignOfLife),
            Some(Ok(Message::Binary(_))) => Err("the service sent a binary message".to_owned()),
            Some(Ok(Message::Close(Some(frame)))) => {
                Err(format!("closed by the service: {} {}", u16::from(frame.code), frame.reason))
            }
            Some(Ok(Message::Close(None)) | Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                Err("closed by the service".to_owned())
            }
            Some(Err(error)) => Err(error.to_string()),
        }
    }

    pub(crate) async fn send(&mut self, message: &AgentMessage) -> Result<(), String> {
        self.write(Message::text(message.encode())).await
    }

    /// RFC 6455 §5.5.2: the answer shows that the service is there. Services limit their own `ping`, not this one.
    pub(crate) async fn ping(&mut self) -> Result<(), String> {
        self.write(Message::Ping(bytes::Bytes::new())).await
    }

    pub(crate) async fn close(&mut self) {
        // The service may be gone already: then there is nobody to tell.
        let _told = timeout(WRITE_TIMEOUT, self.stream.close(None)).await;
    }

    async fn greet(&mut self, uaid: Option<String>) -> Result<String, String> {
        self.send(&AgentMessage::hello(uaid)).await?;
        loop {
            match self.next().await? {
                Incoming::Message(ServiceMessage::Hello { uaid, status: 200 }) => return Ok(uaid),
                Incoming::Message(ServiceMessage::Hello { status, .. }) => {
                    return Err(format!("the service refused the agent with status {status}"));
                }
                Incoming::Message(_) => return Err("the service did not answer hello".to_owned()),
                Incoming::SignOfLife => {}
            }
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), String> {
        match timeout(WRITE_TIMEOUT, self.stream.send(message)).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("the service takes nothing".to_owned()),
        }
    }
}

const HELLO_TIMEOUT: Duration = Duration::from_secs(20);
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
const READ_BUFFER_BYTES: usize = 8 << 10;
/// Notifications have 8 KiB at our service; others may allow more.
const MESSAGE_BYTES_MAX: usize = 256 << 10;
