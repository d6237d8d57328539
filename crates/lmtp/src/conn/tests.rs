use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};

use delivery::Peer;
use store::{NewAccount, Store};
use tokio::io::{DuplexStream, ReadBuf};

use super::*;
use crate::content::Budget;
use crate::session::{Settings, Tls};

/// A stream that counts the writes to it.
struct Counting {
    stream: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn context(directory: &tempfile::TempDir) -> Context {
    let options = store::Options { data_dir: directory.path().to_owned(), readers: 1 };
    let store = Store::open(options, bus::Bus::new()).await.unwrap();
    let account = NewAccount { name: "alice", password: "secret", quota_bytes: None };
    store.create_account(account).await.unwrap();
    let options = delivery::Options {
        hostname: "host.example".into(),
        subaddress_separator: None,
        catch_all: None,
        spam_headers: Vec::new(),
        sends: false,
    };
    Context {
        deliverer: Deliverer::new(store, options),
        idle: Duration::from_secs(20),
        tls: None,
        shutdown: CancellationToken::new(),
    }
}

#[tokio::test]
async fn a_pipelined_batch_is_answered_in_one_write() {
    let directory = tempfile::tempdir().unwrap();
    let context = context(&directory).await;
    let settings = Settings {
        hostname: "host.example".into(),
        message_bytes_max: 1000,
        recipients_max: 10,
        budget: Budget::new(1000),
    };
    let session = Session::new(settings, Tls::Unavailable, Peer::Unix, "1".into());
    let (mut client, stream) = tokio::io::duplex(64 * 1024);
    let writes = Arc::new(AtomicUsize::new(0));
    let counting = Counting { stream, writes: Arc::clone(&writes) };

    let transaction = "MAIL FROM:<>\r\nRCPT TO:<alice>\r\nRCPT TO:<bob>\r\nBDAT 6 LAST\r\nA: b\r\n";
    let batch = format!("LHLO c\r\n{transaction}{transaction}QUIT\r\n");
    client.write_all(batch.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    serve(counting, session, &context).await.unwrap();

    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    // Greeting, eight lines for LHLO, four replies for each transaction, and one for QUIT.
    assert_eq!(answers.lines().count(), 1 + 8 + 2 * 4 + 1, "{answers}");
    assert_eq!(writes.load(Ordering::Relaxed), 2, "the greeting, which waits for nothing, and the batch");
}
