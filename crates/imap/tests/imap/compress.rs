//! COMPRESS=DEFLATE (RFC 4978), with another's deflate on the client's side of the socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::support::transcript::PATIENCE;
use crate::support::{PASSWORD, TestServer};

/// A client that compresses. Blocking, as its libraries are.
struct Client {
    /// Larger than any answer: the decoder waits for more input before it gives out what did not fit.
    read: BufReader<DeflateDecoder<TcpStream>>,
    write: DeflateEncoder<TcpStream>,
}

impl Client {
    /// Logs in and turns compression on.
    fn connect(server: std::net::SocketAddr) -> Self {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let script = format!("a LOGIN alice {PASSWORD}\r\nb COMPRESS DEFLATE\r\n");
        stream.write_all(script.as_bytes()).unwrap();
        let mut plain = Vec::new();
        while !plain.ends_with(b"b OK DEFLATE begins\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            plain.push(byte[0]);
        }
        let write = DeflateEncoder::new(stream.try_clone().unwrap(), Compression::default());
        Self { read: BufReader::with_capacity(64 << 10, DeflateDecoder::new(stream)), write }
    }

    fn send(&mut self, text: &[u8]) {
        self.write.write_all(text).unwrap();
        self.write.flush().unwrap();
    }

    /// Reads up to the line that begins with this.
    fn answer(&mut self, start: &str) -> String {
        let mut all = Vec::new();
        loop {
            let from = all.len();
            self.read.read_until(b'\n', &mut all).unwrap();
            if all[from..].starts_with(start.as_bytes()) {
                return String::from_utf8_lossy(&all).into_owned();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_connection_says_the_same_as_a_plain_one() {
    let server = TestServer::start(|_| {}).await;
    server.give(&["simple", "multipart"]).await;
    let address = server.address;
    let played = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address);
        client.send(b"c CAPABILITY\r\nd SELECT INBOX\r\ne UID FETCH 1:* (FLAGS BODY.PEEK[])\r\n");
        assert!(!client.answer("c OK").contains("COMPRESS"), "it is not offered twice");
        assert!(client.answer("d OK").contains("* 2 EXISTS"));
        let fetched = client.answer("e OK");
        assert!(fetched.contains("IMAP4rev1 WG mtg summary and minutes"), "{fetched}");
        client.send(b"f COMPRESS DEFLATE\r\n");
        assert_eq!(client.answer("f "), "f NO [COMPRESSIONACTIVE] DEFLATE is on already\r\n");
        for number in 0..3 {
            client.send(b"g IDLE\r\n");
            assert_eq!(client.answer("+"), "+ idling\r\n");
            let mut other = Client::connect(address);
            other.send(b"h APPEND INBOX {4+}\r\na: b\r\n");
            other.answer("h OK");
            assert_eq!(client.answer("*"), format!("* {} EXISTS\r\n", number + 3));
            client.send(b"DONE\r\n");
            client.answer("g OK");
        }
        // A message that is large once it is inflated is as large as any other.
        client.send(format!("i APPEND INBOX {{6000+}}\r\n{}\r\nj NOOP\r\n", "x".repeat(6_000)).as_bytes());
        assert_eq!(client.answer("i "), "i NO [TOOBIG] the literal is too big\r\n");
        client.send(b"k LOGOUT\r\n");
        client.answer("k OK");
    });
    tokio::time::timeout(PATIENCE, played).await.expect("the client ends").unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_ends_its_connection_only() {
    let server = TestServer::start(|_| {}).await;
    let address = server.address;
    let played = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address);
        // A kilobyte once it is deflated.
        client.send(&vec![b'x'; 1 << 20]);
        assert!(client.answer("* BYE").ends_with("too much data after a rejected command\r\n"));
        Client::connect(address).answer_noop();
    });
    tokio::time::timeout(Duration::from_secs(60), played).await.expect("the client ends").unwrap();
    server.stop().await;
}

impl Client {
    fn answer_noop(&mut self) {
        self.send(b"z NOOP\r\n");
        assert_eq!(self.answer("z"), "z OK NOOP done\r\n");
    }
}
