use std::time::UNIX_EPOCH;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::agent::Encryption;
use crate::testing::within;

const LONG: Duration = Duration::from_secs(20);

fn message(encryption: Option<Encryption>) -> Message {
    Message {
        subscription: "door".into(),
        id: "v1".into(),
        urgency: Some("high".into()),
        received_at: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        encryption,
        body: b"\x00body".to_vec(),
    }
}

/// Posts to a server that gives `answer`; returns what became of it and what the server got.
async fn post(path: &str, answer: &'static str, message: &Message) -> (Result<(), PostError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"body") {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(got).unwrap().to_ascii_lowercase()
    });
    let target =
        Post::new(&url, Trust::system().unwrap(), LONG).unwrap().with_authorization("Bearer x").unwrap();
    let outcome = within(target.hand_on(message)).await;
    (outcome, within(server).await.unwrap())
}

#[tokio::test]
async fn the_request_tells_what_the_message_is() {
    let (outcome, got) = post("/hook?a=b", "HTTP/1.1 204 No Content\r\n\r\n", &message(None)).await;
    outcome.unwrap();
    assert!(got.starts_with("post /hook?a=b http/1.1\r\nhost: 127.0.0.1:"), "{got}");
    for field in [
        "content-type: application/octet-stream",
        "content-length: 5",
        "urgency: high",
        "mailbell-subscription: door",
        "mailbell-message: v1",
        "mailbell-time: 1700000000",
        "authorization: bearer x",
    ] {
        assert!(got.contains(&format!("\r\n{field}\r\n")), "{field} is not in {got}");
    }
    assert!(!got.contains("content-encoding"), "{got}");

    let encryption = Encryption {
        encoding: Some("aesgcm".into()),
        salt: Some("salt=s".into()),
        // A field that would break the request is left out.
        key: Some("dh=k\r\nx: y".into()),
    };
    let (_, got) = post("/", "HTTP/1.1 200 OK\r\n\r\n", &message(Some(encryption))).await;
    assert!(
        got.contains("\r\ncontent-encoding: aesgcm\r\n") && got.contains("\r\nencryption: salt=s\r\n"),
        "{got}"
    );
    assert!(!got.contains("crypto-key") && !got.contains("x: y"), "{got}");
}

#[tokio::test]
async fn only_an_answer_of_2xx_means_taken() {
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None),
        ("HTTP/1.1 202 Accepted\r\nContent-Length: 999\r\n\r\nnot all of it", None),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
            Some("the server answered 302 Found"),
        ),
        ("HTTP/1.1 404 Not Found\r\n\r\n", Some("the server answered 404 Not Found")),
        ("HTTP/1.1 500 Oops\r\n\r\n", Some("the server answered 500 Internal Server Error")),
        ("SSH-2.0-nonsense\r\n", Some("the HTTP exchange failed")),
        ("", Some("the HTTP exchange failed")),
    ];
    for (answer, expected) in cases {
        let (outcome, _) = post("/", answer, &message(None)).await;
        assert_eq!(outcome.err().map(|error| error.to_string()).as_deref(), expected, "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let target = Post::new(&url, Trust::system().unwrap(), Duration::from_millis(50)).unwrap();
    assert!(matches!(target.hand_on(&message(None)).await, Err(PostError::Timeout(_))));
    drop(listener);
    assert!(matches!(target.hand_on(&message(None)).await, Err(PostError::Connect(_))));
}

#[test]
fn only_urls_of_the_web_are_posted_to() {
    let trust = Trust::system().unwrap();
    for (url, is_good) in [
        ("http://127.0.0.1:8080/x", true),
        ("https://[::1]/", true),
        ("ftp://127.0.0.1/", false),
        ("unix:/run/x", false),
        ("http://user:secret@127.0.0.1/", false),
        ("127.0.0.1:8080", false),
    ] {
        assert_eq!(Post::new(url, trust.clone(), LONG).is_ok(), is_good, "{url}");
    }
}
