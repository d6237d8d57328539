use super::*;

fn request(change: impl Fn(&mut Request<()>)) -> Handshake {
    let mut request = Request::get("/")
        .header("host", "push.example")
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    change(&mut request);
    judge(&request)
}

// RFC 6455 §1.3: the example's key and answer.
#[test]
fn a_good_handshake_is_accepted() {
    let accept = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(request(|_| ()), Handshake::Accept(accept));
}

#[test]
fn what_is_not_a_handshake_is_an_ordinary_request() {
    assert_eq!(request(|r| *r.method_mut() = Method::POST), Handshake::None);
    assert_eq!(request(|r| *r.version_mut() = Version::HTTP_10), Handshake::None);
    assert_eq!(request(|r| drop(r.headers_mut().remove(UPGRADE))), Handshake::None);
    assert_eq!(request(|r| drop(r.headers_mut().remove(CONNECTION))), Handshake::None);
}

// RFC 6455 §4.2.1, §4.2.2
#[test]
fn a_handshake_with_another_version_or_a_bad_key_is_refused() {
    let version = |v| move |r: &mut Request<()>| drop(r.headers_mut().insert(SEC_WEBSOCKET_VERSION, v));
    let old = HeaderValue::from_static("8");
    assert_eq!(request(|r| version(old.clone())(r)), Handshake::Refuse(StatusCode::UPGRADE_REQUIRED));
    let no_version = request(|r| drop(r.headers_mut().remove(SEC_WEBSOCKET_VERSION)));
    assert_eq!(no_version, Handshake::Refuse(StatusCode::UPGRADE_REQUIRED));
    let no_key = request(|r| drop(r.headers_mut().remove(SEC_WEBSOCKET_KEY)));
    assert_eq!(no_key, Handshake::Refuse(StatusCode::BAD_REQUEST));
    let short = request(|r| drop(r.headers_mut().insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("abc"))));
    assert_eq!(short, Handshake::Refuse(StatusCode::BAD_REQUEST));
}
