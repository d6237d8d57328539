//! Peers that use up what the protocol allows, with bare frames (RFC 9113 §10.5).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;

use super::*;

/// A connection on which anything can be written.
struct Attacker {
    read: ReadHalf<TcpStream>,
    write: WriteHalf<TcpStream>,
}

/// What was read of a connection: the types of its frames, and the code of the last GOAWAY.
#[derive(Debug, Default)]
struct Heard {
    frames: Vec<(u8, u8, u32)>,
    goaway: Option<u32>,
}

impl Attacker {
    async fn connect(server: &TestServer) -> Self {
        let (read, write) = split(TcpStream::connect(server.address).await.unwrap());
        let mut attacker = Self { read, write };
        let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        attacker.write.write_all(&hello).await.unwrap();
        attacker
    }

    /// Writes what `next` makes until it makes nothing more or the service has hung up, and reads until the service hangs
    /// up, or sends a frame of this type on this stream.
    async fn attack(
        self,
        mut next: impl FnMut(u32) -> Option<Vec<u8>> + Send + 'static,
        last: (u8, u32),
    ) -> Heard {
        let Self { mut read, mut write } = self;
        let writing = tokio::spawn(async move {
            let mut number = 0;
            while let Some(bytes) = next(number) {
                if write.write_all(&bytes).await.is_err() {
                    return write;
                }
                number += 1;
            }
            write
        });
        let mut heard = Heard::default();
        while within(heard.read(&mut read)).await.is_ok() {
            if heard.frames.last().is_some_and(|(kind, _, stream)| (*kind, *stream) == last) {
                break;
            }
        }
        drop(read);
        within(writing).await.unwrap();
        heard
    }
}

impl Heard {
    async fn read(&mut self, from: &mut ReadHalf<TcpStream>) -> io::Result<()> {
        let mut head = [0; 9];
        from.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
        from.read_exact(&mut payload).await?;
        if kind == GOAWAY {
            self.goaway = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        self.frames.push((kind, flags, u32::from_be_bytes(stream)));
        Ok(())
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET http://x/`, of which nothing is remembered (RFC 7541 §6.2.2).
const REQUEST: &[u8] = &[0x82, 0x86, 0x84, 0x01, 1, b'x'];
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: [u8; 4] = [0, 0, 0, 8];
const ENHANCE_YOUR_CALM: u32 = 11;

async fn goes_on(server: &TestServer) {
    assert_eq!(server.send("GET", "/").await.status(), 404, "others are served");
}

#[tokio::test]
async fn requests_that_are_reset_at_once_end_the_connection() {
    let server = TestServer::start().await;
    let heard = Attacker::connect(&server)
        .await
        .attack(
            |number| {
                let stream = 2 * number + 1;
                let request = frame(HEADERS, END_HEADERS | END_STREAM, stream, REQUEST);
                (number < 100_000).then(|| [request, frame(RST_STREAM, 0, stream, &CANCEL)].concat())
            },
            (GOAWAY, 0),
        )
        .await;
    assert_eq!(heard.goaway, Some(ENHANCE_YOUR_CALM), "{heard:?}");
    goes_on(&server).await;
}

#[tokio::test]
async fn a_head_that_never_ends_ends_the_connection() {
    let server = TestServer::start().await;
    for piece in [&b""[..], &[0x00, 1, b'a', 1, b'b'].repeat(200)] {
        let piece = piece.to_vec();
        let heard = Attacker::connect(&server)
            .await
            .attack(
                move |number| match number {
                    0 => Some(frame(HEADERS, 0, 1, REQUEST)),
                    1..1_000_000 => Some(frame(CONTINUATION, 0, 1, &piece)),
                    _ => None,
                },
                (GOAWAY, 0),
            )
            .await;
        assert_eq!(heard.goaway, Some(ENHANCE_YOUR_CALM), "{heard:?}");
    }
    goes_on(&server).await;
}

/// What has to be answered but is no request does not keep a connection open, and one that does not read the answers is
/// not read from either.
#[tokio::test]
async fn floods_of_ping_and_settings_are_no_activity() {
    let server = TestServer::with(|config| config.http.idle_timeout = Duration::from_millis(200)).await;
    for flood in [frame(PING, 0, 0, b"01234567"), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 1, 0])] {
        let many = flood.repeat(1000);
        let Attacker { read, mut write } = Attacker::connect(&server).await;
        let unread = async move { while write.write_all(&many).await.is_ok() {} };
        within(unread).await;
        drop(read);
        let many = flood.repeat(10);
        let ended = Attacker::connect(&server).await.attack(move |_| Some(many.clone()), (GOAWAY, 0)).await;
        assert!(ended.frames.len() > 1, "{ended:?}");
    }
    goes_on(&server).await;
}

/// A field of 4,000 bytes that is named with one byte each time (RFC 7541 §7.3).
#[tokio::test]
async fn a_head_that_is_large_only_when_it_is_unpacked_ends_the_connection() {
    let server = TestServer::start().await;
    let value = vec![b'v'; 4000];
    // 4000 = 127 + 3873; the new field is the first of the dynamic table, 62.
    let learnt = [REQUEST, &[0x40, 1, b'n', 0x7f, 0xa1, 0x1e], &value].concat();
    let bomb = [REQUEST, &[0xbe; 4000]].concat();
    let heard = Attacker::connect(&server)
        .await
        .attack(
            move |number| match number {
                0 => Some(frame(HEADERS, END_HEADERS | END_STREAM, 1, &learnt)),
                1 => Some(frame(HEADERS, END_HEADERS | END_STREAM, 3, &bomb)),
                _ => None,
            },
            (GOAWAY, 0),
        )
        .await;
    assert_eq!(heard.goaway, Some(ENHANCE_YOUR_CALM), "{heard:?}");
    goes_on(&server).await;
}

#[tokio::test]
async fn a_head_that_stops_in_the_middle_is_given_up() {
    let server = TestServer::with(|config| config.http.idle_timeout = Duration::from_millis(100)).await;
    let Attacker { mut read, mut write } = Attacker::connect(&server).await;
    write.write_all(&frame(HEADERS, 0, 1, REQUEST)).await.unwrap();
    let mut heard = Heard::default();
    while within(heard.read(&mut read)).await.is_ok() {}
    assert!(heard.frames.iter().all(|(kind, ..)| *kind != HEADERS), "{heard:?}");
}
