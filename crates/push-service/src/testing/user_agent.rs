//! A user agent that reads over HTTP/2, made of h2's client.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use h2::client::{self, PushPromise, PushPromises, ResponseFuture, SendRequest};
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{TestServer, within};

/// One HTTP/2 connection.
pub(crate) struct UserAgent {
    requests: SendRequest<Bytes>,
    origin: String,
    driver: JoinHandle<()>,
}

/// What `POST /subscribe` gave.
#[derive(Debug, Clone)]
pub(crate) struct Subscribed {
    pub(crate) subscription: String,
    pub(crate) push: String,
    pub(crate) set: String,
}

/// A request for messages that is open.
pub(crate) struct Reading {
    promises: PushPromises,
    response: BoxFuture<'static, Result<Response<h2::RecvStream>, h2::Error>>,
}

/// A message that was pushed.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) request: Request<()>,
    pub(crate) response: Response<Bytes>,
}

impl UserAgent {
    pub(crate) async fn connect(server: &TestServer) -> Self {
        Self::with(server, |_| ()).await
    }

    pub(crate) async fn with(server: &TestServer, change: impl FnOnce(&mut client::Builder)) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        Self::over(stream, server, change).await
    }

    /// An agent whose bytes go through `stream`.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        server: &TestServer,
        change: impl FnOnce(&mut client::Builder),
    ) -> Self {
        let mut builder = client::Builder::new();
        builder.enable_push(true);
        change(&mut builder);
        let (requests, connection) = within(builder.handshake(stream)).await.unwrap();
        let driver = tokio::spawn(async move {
            let _ended = connection.await;
        });
        Self { requests, origin: server.origin.clone(), driver }
    }

    pub(crate) fn begin(
        &mut self,
        method: &str,
        url: &str,
        fields: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> ResponseFuture {
        let url = if url.starts_with('/') { format!("{}{url}", self.origin) } else { url.to_owned() };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let body = body.into();
        let (response, mut stream) =
            self.requests.send_request(request.body(()).unwrap(), body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(body, true).unwrap();
        }
        response
    }

    pub(crate) async fn request(
        &mut self,
        method: &str,
        url: &str,
        fields: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let response = self.begin(method, url, fields, body);
        collect(within(response).await.unwrap()).await
    }

    /// The answer to a request whose body begins and never ends.
    pub(crate) async fn trickle(
        &mut self,
        url: &str,
        fields: &[(&str, &str)],
        beginning: &'static str,
    ) -> Response<Bytes> {
        let mut request = Request::post(url);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (response, mut stream) = self.requests.send_request(request.body(()).unwrap(), false).unwrap();
        stream.send_data(Bytes::from_static(beginning.as_bytes()), false).unwrap();
        let response = collect(within(response).await.unwrap()).await;
        drop(stream);
        response
    }

    /// The status of a request without a body.
    pub(crate) async fn status(&mut self, method: &str, url: &str) -> u16 {
        self.request(method, url, &[], "").await.status().as_u16()
    }

    pub(crate) async fn subscribe(&mut self, fields: &[(&str, &str)]) -> Subscribed {
        let response = self.request("POST", "/subscribe", fields, "").await;
        assert_eq!(response.status(), 201);
        Subscribed::read(response.headers())
    }

    /// Opens a request for messages. Nothing is read of it yet.
    pub(crate) fn read(&mut self, url: &str, fields: &[(&str, &str)]) -> Reading {
        let mut response = self.begin("GET", url, fields, "");
        let promises = response.push_promises();
        Reading { promises, response: Box::pin(response) }
    }

    pub(crate) async fn acknowledge(&mut self, pushed: &Pushed) -> u16 {
        self.status("DELETE", pushed.path()).await
    }

    /// Returns when the connection has ended.
    pub(crate) async fn ended(mut self) {
        within(&mut self.driver).await.unwrap();
    }
}

impl Drop for UserAgent {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Subscribed {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let link = |relation: &str| {
            let rest = format!(">; rel=\"{relation}\"");
            let links = headers.get_all("link").iter().map(|value| value.to_str().unwrap());
            let mut targets = links.filter_map(|link| link.strip_prefix('<')?.strip_suffix(&rest));
            targets.next().unwrap().to_owned()
        };
        Self {
            subscription: headers["location"].to_str().unwrap().to_owned(),
            push: link("urn:ietf:params:push"),
            set: link("urn:ietf:params:push:set"),
        }
    }
}

impl Reading {
    /// The next message; panics when the request ends instead.
    pub(crate) async fn next(&mut self) -> Pushed {
        Pushed::of(self.promise().await).await
    }

    /// The bodies of the next messages.
    pub(crate) async fn bodies(&mut self, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        for _ in 0..count {
            bodies.push(self.next().await.body());
        }
        bodies
    }

    /// The promises that come without anything having been read of what was promised.
    pub(crate) async fn promise(&mut self) -> PushPromise {
        within(self.promises.push_promise()).await.expect("a promise").unwrap()
    }

    /// A promise that has come already.
    pub(crate) fn next_that_is_there(&mut self) -> Option<PushPromise> {
        let promise = self.promises.push_promise().now_or_never().flatten();
        promise.map(Result::unwrap)
    }

    /// The answer to the request itself; nothing more may have been pushed.
    pub(crate) async fn end(mut self) -> Response<Bytes> {
        let response = collect(within(self.response).await.unwrap()).await;
        assert!(within(self.promises.push_promise()).await.is_none(), "no more was expected");
        response
    }

    /// The head of a response that goes on, and its body.
    pub(crate) async fn stream(self) -> Response<h2::RecvStream> {
        within(self.response).await.unwrap()
    }
}

impl Pushed {
    /// What was promised, read to its end.
    pub(crate) async fn of(promise: PushPromise) -> Self {
        let (request, response) = promise.into_parts();
        let response = collect(within(response).await.unwrap()).await;
        Self { request, response }
    }

    pub(crate) fn path(&self) -> &str {
        self.request.uri().path()
    }

    pub(crate) fn body(&self) -> String {
        String::from_utf8(self.response.body().to_vec()).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn collect(response: Response<h2::RecvStream>) -> Response<Bytes> {
    let (head, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(data) = within(stream.data()).await {
        let data = data.unwrap();
        stream.flow_control().release_capacity(data.len()).unwrap();
        body.extend_from_slice(&data);
    }
    Response::from_parts(head, body.into())
}
