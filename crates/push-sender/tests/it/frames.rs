//! An HTTP/2 server made of single frames, to end streams and connections in ways that a library would not.

use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::server::Server;

/// What is done with the first request of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// 201.
    Answer,
    /// GOAWAY with this last stream and error code (RFC 9113 §6.8), then the connection is closed.
    GoAway { last_stream: u32, code: u32 },
    /// RST_STREAM with this error code (RFC 9113 §6.4); the connection stays.
    Reset { code: u32 },
    /// The head of an answer, then the connection is closed before its body.
    HeadOnly,
}

/// A server that takes the steps one after the other, each on the next request, on whatever connection it comes.
pub(crate) async fn server(tls: Arc<ServerConfig>, steps: &[Step]) -> Server {
    let acceptor = TlsAcceptor::from(tls);
    let steps = Arc::new(Mutex::new(Vec::from(steps).into_iter()));
    Server::start(move |socket, handle| {
        let (acceptor, steps) = (acceptor.clone(), Arc::clone(&steps));
        Box::pin(async move {
            let _handle = handle;
            let Ok(mut stream) = acceptor.accept(socket).await else { return };
            let mut preface = [0; 24];
            if stream.read_exact(&mut preface).await.is_err() {
                return;
            }
            write(&mut stream, SETTINGS, 0, 0, &[]).await;
            while let Some(id) = next_request(&mut stream).await {
                let step = steps.lock().expect("no poison").next().expect("a step for each request");
                if !take(&mut stream, id, step).await {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        })
    })
    .await
}

/// Whether the connection stays open.
async fn take(stream: &mut TlsStream<TcpStream>, id: u32, step: Step) -> bool {
    match step {
        Step::Answer => write(stream, HEADERS, END_STREAM | END_HEADERS, id, STATUS_201).await,
        Step::HeadOnly => write(stream, HEADERS, END_HEADERS, id, STATUS_201).await,
        Step::Reset { code } => write(stream, RST_STREAM, 0, id, &code.to_be_bytes()).await,
        Step::GoAway { last_stream, code } => {
            let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
            write(stream, GOAWAY, 0, 0, &payload).await;
        }
    }
    matches!(step, Step::Answer | Step::Reset { .. })
}

/// The stream of the next request that has come in whole, or `None` at the end of the connection.
async fn next_request(stream: &mut TlsStream<TcpStream>) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await.ok()?;
        match kind {
            SETTINGS if flags & ACK == 0 => write(stream, SETTINGS, ACK, 0, &[]).await,
            HEADERS | DATA if flags & END_STREAM != 0 => return Some(u32::from_be_bytes(id)),
            _ => {}
        }
    }
}

/// Writes one frame (RFC 9113 §4.1). A client that is gone is noticed when reading.
async fn write(stream: &mut TlsStream<TcpStream>, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let length = u8::try_from(payload.len()).expect("short frames");
    let mut frame = vec![0, 0, length, kind, flags];
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(payload);
    let _ = stream.write_all(&frame).await;
    let _ = stream.flush().await;
}

/// RFC 7541 §6.2.2: a literal value for the name in entry 8 of the static table, `:status`.
const STATUS_201: &[u8] = b"\x08\x03201";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
