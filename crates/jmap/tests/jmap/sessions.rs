//! RFC 8620 §2: the session resource, and who gets it.

use http::StatusCode;
use jmap::Limits;

use crate::home::{CORE, From, Home, MAIL, basic};

#[tokio::test]
async fn the_session_says_what_there_is_and_where() {
    let home = Home::new().await;
    let answer = home.send("GET", "/.well-known/jmap", "", "").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let session = answer.json();
    let account = format!("A{}", home.alice.owner());
    assert_eq!(session["username"], "alice");
    assert_eq!(session["accounts"][&account]["name"], "alice");
    assert_eq!(session["accounts"].as_object().unwrap().len(), 1);
    assert_eq!(session["primaryAccounts"][MAIL], account);
    assert_eq!(session["capabilities"][CORE]["maxCallsInRequest"], Limits::default().calls);
    assert!(session["capabilities"][MAIL].as_object().unwrap().is_empty());
    assert!(session["accounts"][&account]["accountCapabilities"][MAIL]["mayCreateTopLevelMailbox"] == true);
    let socket = &session["capabilities"]["urn:ietf:params:jmap:websocket"];
    assert_eq!(socket["url"], format!("ws://{}/jmap/ws", home.address));
    for url in ["apiUrl", "downloadUrl", "uploadUrl", "eventSourceUrl"] {
        let url = session[url].as_str().unwrap();
        assert!(url.starts_with(&format!("http://{}/jmap/", home.address)), "{url}");
    }
    let called = home.api(serde_json::json!({ "using": [], "methodCalls": [] })).await.json();
    assert_eq!(called["sessionState"], session["state"]);
}

#[tokio::test]
async fn the_state_changes_with_what_the_session_says() {
    let home = Home::new().await;
    let of = async |name: &str| {
        let headers = [("authorization", basic(name, "secret"))];
        home.send_with("GET", "/jmap/session", &headers, "").await.json()["state"].clone()
    };
    assert_eq!(of("alice").await, of("alice").await);
    assert_ne!(of("alice").await, of("bob").await);
    let other = Home::with(Limits { calls: 7, ..Limits::default() }, From::Here).await;
    let session = other.send("GET", "/jmap/session", "", "").await.json();
    assert_eq!(session["capabilities"][CORE]["maxCallsInRequest"], 7);
    assert_ne!(session["state"], of("alice").await);
}

#[tokio::test]
async fn who_shows_nothing_or_something_wrong_gets_no_session() {
    let home = Home::new().await;
    for shown in [
        None,
        Some(basic("alice", "wrong")),
        Some(basic("nobody", "secret")),
        Some("Basic !!!".to_owned()),
        Some(basic("", "secret")),
        Some("Digest x".to_owned()),
        Some("Bearer token".to_owned()),
        Some("Basic".to_owned()),
    ] {
        let headers: Vec<_> = shown.iter().map(|shown| ("authorization", shown.clone())).collect();
        let answer = home.send_with("GET", "/.well-known/jmap", &headers, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{shown:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
    }
}

#[tokio::test]
async fn an_app_password_opens_the_session_until_it_is_revoked() {
    let home = Home::new().await;
    let owner = home.alice.owner();
    let phone = home.store.add_app_password(owner, "phone", "app secret").await.unwrap();
    let headers = [("authorization", basic("alice", "app secret"))];
    let status = async || home.send_with("GET", "/jmap/session", &headers, "").await.status;
    assert_eq!(status().await, StatusCode::OK);
    home.store.revoke_credential(owner, phone.id).await.unwrap();
    // The server looks for revocations every two seconds.
    let ended = async {
        while status().await == StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), ended).await.expect("revoked");
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn strangers_are_served_over_tls_only_and_banned_for_guessing() {
    let home = Home::with(Limits::default(), From::Afar).await;
    assert_eq!(home.send("GET", "/jmap/session", "", "").await.status, StatusCode::FORBIDDEN);
    let home = Home::with(Limits::default(), From::AfarOverTls).await;
    let session = home.send("GET", "/jmap/session", "", "").await;
    assert_eq!(session.status, StatusCode::OK);
    assert!(session.json()["apiUrl"].as_str().unwrap().starts_with("https://"));
    for _ in 0..3 {
        let headers = [("authorization", basic("bob", "wrong"))];
        let answer = home.send_with("GET", "/jmap/session", &headers, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let banned = home.send("GET", "/jmap/session", "", "").await;
    assert_eq!(banned.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(banned.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn pages_of_other_origins_may_ask() {
    let home = Home::new().await;
    for path in ["/.well-known/jmap", "/jmap/api"] {
        let preflight =
            home.send_with("OPTIONS", path, &[("origin", "https://web.test".to_owned())], "").await;
        assert_eq!(preflight.status, StatusCode::NO_CONTENT);
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        assert!(preflight.header("access-control-allow-headers").contains("Authorization"));
    }
    let refused = home.send_with("GET", "/jmap/session", &[], "").await;
    assert_eq!(refused.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let home = Home::new().await;
    assert_eq!(home.send("GET", "/jmap/nothing", "", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(home.send("GET", "/jmap/api", "", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(home.send("POST", "/jmap/session", "", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}
