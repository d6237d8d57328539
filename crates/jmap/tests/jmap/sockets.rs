//! RFC 8887: JMAP over WebSocket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jmap::Limits;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::home::{CORE, From, Home, MAIL, basic};

const PLAIN: &str = "From: zoe@a.test\r\nSubject: one\r\n\r\nHello\r\n";

pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

impl Socket {
    pub(crate) async fn open(home: &Home, protocol: &str, password: &str) -> Result<Self, Error> {
        let mut request = format!("ws://{}/jmap/ws", home.address).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", basic("alice", password).parse().unwrap());
        headers.insert("sec-websocket-protocol", protocol.parse().unwrap());
        let stream = TcpStream::connect(home.address).await.unwrap();
        tokio_tungstenite::client_async(request, stream).await.map(|(socket, _)| Self(socket))
    }

    async fn say(&mut self, value: Value) {
        self.0.send(Message::text(value.to_string())).await.unwrap();
    }

    async fn message(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
        next.expect("a message in time").and_then(Result::ok)
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(self.message().await.unwrap().to_text().unwrap()).unwrap()
    }
}

#[tokio::test]
async fn requests_are_answered_with_their_ids() {
    let home = Home::new().await;
    let mut socket = Socket::open(&home, "jmap", "secret").await.unwrap();
    let calls = json!([["Core/echo", { "a": 1 }, "c"]]);
    socket.say(json!({ "@type": "Request", "id": "r1", "using": [CORE], "methodCalls": calls })).await;
    let answer = socket.hear().await;
    assert_eq!((&answer["@type"], &answer["requestId"]), (&json!("Response"), &json!("r1")));
    assert_eq!(answer["methodResponses"], calls);
    let cases = [
        (
            json!({ "@type": "Request", "id": "r2", "using": ["urn:x"], "methodCalls": [] }),
            "unknownCapability",
            json!("r2"),
        ),
        (json!({ "@type": "Request", "using": [] }), "notRequest", json!(null)),
        (json!({ "@type": "Other", "id": "r3" }), "notRequest", json!("r3")),
        (json!([]), "notRequest", json!(null)),
    ];
    for (said, kind, id) in cases {
        socket.say(said.clone()).await;
        let error = socket.hear().await;
        assert_eq!((&error["@type"], &error["requestId"]), (&json!("RequestError"), &id), "{said}");
        assert_eq!(error["type"], format!("urn:ietf:params:jmap:error:{kind}"), "{said}");
    }
    socket.0.send(Message::text("{")).await.unwrap();
    assert_eq!(socket.hear().await["type"], "urn:ietf:params:jmap:error:notJSON");
    socket.0.send(Message::binary(vec![1])).await.unwrap();
    assert!(
        matches!(socket.message().await, Some(Message::Close(Some(frame))) if u16::from(frame.code) == 1003)
    );
}

#[tokio::test]
async fn changes_are_pushed_while_that_is_enabled_and_from_a_state_on() {
    let home = Home::new().await;
    let mut socket = Socket::open(&home, "jmap", "secret").await.unwrap();
    socket.say(json!({ "@type": "WebSocketPushEnable", "dataTypes": ["Email", "Other"] })).await;
    // An answer shows that what was said before has been heard.
    socket.say(json!({ "@type": "Request", "using": [MAIL], "methodCalls": [] })).await;
    socket.hear().await;
    home.deliver(PLAIN).await;
    let change = socket.hear().await;
    assert_eq!(change["@type"], "StateChange");
    let types = change["changed"][home.account()].as_object().unwrap();
    assert_eq!(types.keys().collect::<Vec<_>>(), ["Email"]);
    socket.say(json!({ "@type": "WebSocketPushDisable" })).await;
    socket.say(json!({ "@type": "Request", "using": [], "methodCalls": [] })).await;
    socket.hear().await;
    home.deliver(PLAIN).await;
    socket.say(json!({ "@type": "Request", "id": "later", "using": [], "methodCalls": [] })).await;
    assert_eq!(socket.hear().await["requestId"], "later", "nothing is pushed in between");
    let mut again = Socket::open(&home, "jmap", "secret").await.unwrap();
    let enable =
        json!({ "@type": "WebSocketPushEnable", "dataTypes": null, "pushState": change["pushState"] });
    again.say(enable).await;
    let missed = again.hear().await;
    let types = missed["changed"][home.account()].as_object().unwrap();
    assert_eq!(types.keys().collect::<Vec<_>>(), ["Email", "EmailDelivery", "Mailbox", "Thread"]);
}

#[tokio::test]
async fn a_handshake_needs_the_subprotocol_and_a_password_and_messages_have_a_limit() {
    let home = Home::with(Limits { request_bytes: 1000, ..Limits::default() }, From::Here).await;
    for (protocol, password, status) in [("other", "secret", 400), ("jmap", "wrong", 401)] {
        let Err(Error::Http(answer)) = Socket::open(&home, protocol, password).await else {
            panic!("opened")
        };
        assert_eq!(answer.status(), status, "{protocol} {password}");
    }
    assert_eq!(home.send("GET", "/jmap/ws", "", "").await.status, 426);
    let mut socket = Socket::open(&home, "x, jmap", "secret").await.unwrap();
    socket.say(json!("x".repeat(2000))).await;
    assert!(
        matches!(socket.message().await, Some(Message::Close(Some(frame))) if u16::from(frame.code) == 1009)
    );
}

#[tokio::test]
async fn a_connection_ends_with_its_credential() {
    let home = Home::new().await;
    let mut socket = Socket::open(&home, "jmap", "secret").await.unwrap();
    home.store.set_password(home.alice.owner(), "other").await.unwrap();
    assert!(
        matches!(socket.message().await, Some(Message::Close(Some(frame))) if u16::from(frame.code) == 1008)
    );
}
