//! Push services that answer as told, on real sockets.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// How a server answers, by the path of the request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status with header fields.
    Status(u16, Vec<(&'static str, String)>),
    /// After a pause, 201.
    Slowly(Duration),
    /// Never.
    Never,
    /// 201, and a body without end.
    EndlessBody,
}

/// What a server has seen of a request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A running server; stopped when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    task: JoinHandle<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    opened: AtomicUsize,
    open: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
}

/// The answer to a request.
pub(crate) type Answering = Arc<dyn Fn(&Request<()>) -> Answer + Send + Sync>;

type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Server {
    /// A push service over TLS; HTTP/2 or HTTP/1.1 as ALPN says.
    pub(crate) async fn https(tls: Arc<ServerConfig>, answer: Answer) -> Self {
        let answer = Arc::new(move |_: &Request<()>| answer.clone());
        Self::https_with(tls, answer).await
    }

    /// As [`Server::https`], with an answer for each request.
    pub(crate) async fn https_with(tls: Arc<ServerConfig>, answer: Answering) -> Self {
        let acceptor = TlsAcceptor::from(tls);
        Self::start(move |socket, counts| {
            let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
            Box::pin(async move {
                // A client that does not like the certificate is what some tests are about.
                let Ok(stream) = acceptor.accept(socket).await else { return };
                serve(stream, counts, answer).await;
            })
        })
        .await
    }

    /// A push service without TLS.
    pub(crate) async fn http(answer: Answer) -> Self {
        let answer: Answering = Arc::new(move |_| answer.clone());
        Self::start(move |socket, counts| Box::pin(serve(socket, counts, Arc::clone(&answer)))).await
    }

    /// A server that never speaks, not even TLS.
    pub(crate) async fn mute() -> Self {
        Self::start(|socket, handle| {
            Box::pin(async move {
                std::future::pending::<()>().await;
                drop((socket, handle));
            })
        })
        .await
    }

    /// A server that writes these bytes after the TLS handshake, whatever it is asked, and closes.
    pub(crate) async fn raw(tls: Arc<ServerConfig>, bytes: Vec<u8>) -> Self {
        let acceptor = TlsAcceptor::from(tls);
        Self::start(move |socket, handle| {
            let (acceptor, bytes) = (acceptor.clone(), bytes.clone());
            Box::pin(async move {
                let _handle = handle;
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            })
        })
        .await
    }

    /// A server that does with each connection what `connection` says.
    pub(crate) async fn start(connection: impl Fn(TcpStream, Handle) -> Connection + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                shared.opened.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                let handle = Handle { counts: Arc::clone(&shared) };
                connections.spawn(connection(socket, handle));
            }
        });
        Self { port, task, counts }
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.counts.opened.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.counts.seen.lock().expect("no poison").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a connection knows of its server.
pub(crate) struct Handle {
    counts: Arc<Counts>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve<T>(stream: T, handle: Handle, answer: Answering)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (answer, counts) = (Arc::clone(&answer), Arc::clone(&handle.counts));
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            let head = Request::from_parts(parts.clone(), ());
            let seen = Seen { method: parts.method, uri: parts.uri, headers: parts.headers, body };
            counts.seen.lock().expect("no poison").push(seen);
            Ok::<_, Infallible>(respond(answer(&head)).await)
        }
    });
    // What a client does to the connection is what the tests are about.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(answer: Answer) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"some text")).boxed());
    *response.status_mut() = StatusCode::CREATED;
    match answer {
        Answer::Status(status, fields) => {
            *response.status_mut() = StatusCode::from_u16(status).expect("a status");
            for (name, value) in fields {
                response.headers_mut().insert(name, value.parse().expect("a value"));
            }
        }
        Answer::Slowly(pause) => tokio::time::sleep(pause).await,
        Answer::Never => std::future::pending().await,
        Answer::EndlessBody => {
            let chunk = || Some((Ok(Frame::data(Bytes::from_static(&[b'x'; 1024]))), ()));
            let chunks = futures_util::stream::unfold((), move |()| async move {
                tokio::task::yield_now().await;
                chunk()
            });
            *response.body_mut() = BodyExt::boxed(StreamBody::new(chunks));
        }
    }
    response
}
