//! What a client sees that takes no server push.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::testing::user_agent::{Subscribed, UserAgent};
use crate::testing::{TestServer, path_of, until, within};

const EVENTS: (&str, &str) = ("accept", "text/event-stream");
const NO_WAIT: (&str, &str) = ("prefer", "wait=0");

/// A response that is read as it comes.
struct Reading {
    head: Response<()>,
    body: Body,
    text: String,
    driver: Option<JoinHandle<()>>,
}

enum Body {
    Http1(Incoming),
    Http2(h2::RecvStream),
}

impl Reading {
    async fn over_http1(server: &TestServer, url: &str, fields: &[(&str, &str)]) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(async move {
            let _ended = connection.await;
        });
        let mut request = Request::get(path_of(url)).header("host", server.address.to_string());
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(http_body_util::Empty::<Bytes>::new()).unwrap();
        let (head, body) = within(sender.send_request(request)).await.unwrap().into_parts();
        let head = Response::from_parts(head, ());
        Self { head, body: Body::Http1(body), text: String::new(), driver: Some(driver) }
    }

    async fn over_http2(agent: &mut UserAgent, url: &str, fields: &[(&str, &str)]) -> Self {
        let (head, body) = agent.read(url, fields).stream().await.into_parts();
        let head = Response::from_parts(head, ());
        Self { head, body: Body::Http2(body), text: String::new(), driver: None }
    }

    fn status(&self) -> u16 {
        self.head.status().as_u16()
    }

    fn media_type(&self) -> &str {
        self.head.headers()["content-type"].to_str().unwrap()
    }

    fn boundary(&self) -> String {
        let boundary = self.media_type().strip_prefix("multipart/mixed; boundary=\"").unwrap();
        boundary.strip_suffix('"').unwrap().to_owned()
    }

    /// What has come up to and with `end`, taken out.
    async fn up_to(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.text.find(end) {
                let rest = self.text.split_off(at + end.len());
                return std::mem::replace(&mut self.text, rest);
            }
            assert!(self.more().await, "it ends with {:?}", self.text);
        }
    }

    /// Everything to the end of the response.
    async fn rest(mut self) -> String {
        while self.more().await {}
        std::mem::take(&mut self.text)
    }

    async fn more(&mut self) -> bool {
        let data = match &mut self.body {
            Body::Http1(body) => {
                within(body.frame()).await.map(|frame| frame.unwrap().into_data().unwrap_or_default())
            }
            Body::Http2(body) => {
                let data = within(body.data()).await.transpose().unwrap();
                if let Some(data) = &data {
                    body.flow_control().release_capacity(data.len()).unwrap();
                }
                data
            }
        };
        self.text.push_str(std::str::from_utf8(data.as_deref().unwrap_or_default()).unwrap());
        data.is_some()
    }

    async fn event(&mut self) -> Value {
        loop {
            let text = self.up_to("\n\n").await;
            if text != ":\n\n" {
                return serde_json::from_str(text.strip_prefix("data: ").unwrap()).unwrap();
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

async fn without_push(server: &TestServer) -> (UserAgent, Subscribed) {
    let mut agent = UserAgent::with(server, |builder| {
        builder.enable_push(false);
    })
    .await;
    let subscribed = agent.subscribe(&[]).await;
    (agent, subscribed)
}

// RFC 8030 §6, for peers that disable push (RFC 9113 §6.5.2)
#[tokio::test]
async fn server_sent_events_hold_what_a_promise_would() {
    let server = TestServer::start().await;
    let (mut agent, to) = without_push(&server).await;
    let mut with_push = UserAgent::connect(&server).await;
    for protocol in ["HTTP/1.1", "HTTP/2", "HTTP/2 with push"] {
        let mut reading = match protocol {
            "HTTP/1.1" => Reading::over_http1(&server, &to.subscription, &[EVENTS]).await,
            "HTTP/2" => Reading::over_http2(&mut agent, &to.subscription, &[EVENTS]).await,
            _ => Reading::over_http2(&mut with_push, &to.subscription, &[EVENTS]).await,
        };
        assert_eq!((reading.status(), reading.media_type()), (200, "text/event-stream"), "{protocol}");
        assert_eq!(reading.head.headers()["cache-control"], "no-store");
        let fields = [("content-encoding", "aes128gcm"), ("urgency", "high")];
        server.push(&to.push, &fields, &b"\xff\x00?"[..]).await;
        let event = reading.event().await;
        assert_eq!((&event["status"], &event["body"]), (&Value::from(200), &Value::from("_wA_")));
        assert_eq!(event["headers"]["content-encoding"], "aes128gcm");
        assert_eq!(event["headers"]["urgency"], "high");
        assert_eq!(event["headers"]["link"], format!("<{}>; rel=\"urn:ietf:params:push\"", to.push));
        assert_eq!(agent.status("DELETE", event["url"].as_str().unwrap()).await, 204, "{protocol}");
        drop(reading);
        until("the reader is gone", || server.server.stats().connected == 0).await;
    }
    let reading = Reading::over_http1(&server, &to.subscription, &[EVENTS]).await;
    until("the reader is there", || server.server.stats().connected == 1).await;
    assert_eq!(agent.status("DELETE", &to.subscription).await, 204);
    assert_eq!(reading.rest().await, "event: end\ndata: {\"status\":404}\n\n");
}

// RFC 2046 §5.1
#[tokio::test]
async fn otherwise_it_is_a_multipart_whose_parts_end_at_once() {
    let server = TestServer::start().await;
    let (mut agent, to) = without_push(&server).await;
    for over_http2 in [false, true] {
        let mut reading = if over_http2 {
            Reading::over_http2(&mut agent, &to.set, &[]).await
        } else {
            Reading::over_http1(&server, &to.set, &[]).await
        };
        assert_eq!(reading.status(), 200);
        let delimiter = format!("--{}", reading.boundary());
        assert_eq!(reading.up_to(&delimiter).await, delimiter, "it shows that it has begun");
        for body in ["one", "", "--two\r\n"] {
            server.push(&to.push, &[("content-encoding", "aes128gcm")], body).await;
            let part = reading.up_to(&format!("\r\n{delimiter}")).await;
            let (fields, content) = part.strip_prefix("\r\n").unwrap().split_once("\r\n\r\n").unwrap();
            assert_eq!(content, format!("{body}\r\n{delimiter}"));
            let field = |name: &str| fields.split("\r\n").find_map(|line| line.strip_prefix(name));
            assert_eq!(field("content-length: "), Some(body.len().to_string().as_str()));
            assert_eq!(field("content-encoding: "), Some("aes128gcm"));
            assert!(field("link: ").unwrap().contains(&to.push));
            let path = field("content-location: ").unwrap();
            assert_eq!(agent.status("DELETE", path).await, 204);
        }
        drop(reading);
        until("the reader is gone", || server.server.stats().connected == 0).await;
    }
}

// RFC 8030 §6
#[tokio::test]
async fn a_request_that_does_not_wait_is_a_whole_document_or_204() {
    let server = TestServer::start().await;
    let (mut agent, to) = without_push(&server).await;
    let mut with_push = UserAgent::connect(&server).await;
    for accept in ["*/*", "text/event-stream"] {
        let fields = [NO_WAIT, ("accept", accept)];
        let nothing = Reading::over_http1(&server, &to.set, &fields).await;
        assert_eq!(nothing.status(), 204);
        assert_eq!(nothing.rest().await, "");
        server.push(&to.push, &[], "1").await;
        server.push(&to.push, &[], "2").await;
        let over_http1 = Reading::over_http1(&server, &to.set, &fields).await;
        let over_http2 = Reading::over_http2(&mut agent, &to.set, &fields).await;
        for mut reading in [over_http1, over_http2] {
            assert_eq!(reading.status(), 200);
            if accept == "*/*" {
                let delimiter = format!("--{}", reading.boundary());
                let text = reading.rest().await;
                let parts: Vec<_> = text.split(&delimiter).collect();
                assert_eq!((parts[0], parts[3]), ("", "--\r\n"));
                assert!(
                    parts[1].ends_with("\r\n\r\n1\r\n") && parts[2].ends_with("\r\n\r\n2\r\n"),
                    "{text:?}"
                );
            } else {
                assert_eq!(reading.event().await["body"], "MQ");
                assert_eq!(reading.event().await["body"], "Mg");
                assert_eq!(reading.rest().await, "event: end\ndata: {\"status\":200}\n\n");
            }
        }
        let mut left = with_push.read(&to.set, &[NO_WAIT]);
        for _ in 0..2 {
            let pushed = left.next().await;
            assert_eq!(with_push.acknowledge(&pushed).await, 204);
        }
    }
}

#[tokio::test]
async fn silence_is_broken_so_that_both_sides_know_of_each_other() {
    let server =
        TestServer::with(|config| config.delivery.keep_alive_interval = Duration::from_millis(20)).await;
    let (_agent, to) = without_push(&server).await;
    let mut events = Reading::over_http1(&server, &to.subscription, &[EVENTS]).await;
    events.up_to(":\n\n:\n\n").await;
    server.push(&to.push, &[], "x").await;
    assert_eq!(events.event().await["body"], "eA");
    let mut parts = Reading::over_http1(&server, &to.set, &[]).await;
    let delimiter = format!("--{}", parts.boundary());
    // RFC 2046 §5.1.1: a part without fields and without content.
    parts.up_to(&format!("\r\n\r\n\r\n{delimiter}\r\n\r\n\r\n{delimiter}")).await;
}

#[tokio::test]
async fn a_stream_ends_when_the_service_does() {
    let mut server = TestServer::start().await;
    let (_agent, to) = without_push(&server).await;
    let reading = Reading::over_http1(&server, &to.set, &[EVENTS]).await;
    until("the reader is there", || server.server.stats().connected == 1).await;
    server.shutdown.cancel();
    assert_eq!(reading.rest().await, "event: end\ndata: {\"status\":204}\n\n");
    within(&mut server.serving).await.unwrap().unwrap();
}
