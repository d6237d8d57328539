use url::Url;

use super::{Secret, may_be_asked};

#[test]
fn only_this_machine_may_be_asked_without_tls() {
    for (url, may) in [
        ("https://id.example/keys", true),
        ("http://localhost:8080/keys", true),
        ("http://127.0.0.1/keys", true),
        ("http://[::1]:1/keys", true),
        ("http://id.example/keys", false),
        ("http://localhost.id.example/keys", false),
        ("http://10.0.0.1/keys", false),
        ("file:///etc/passwd", false),
        ("ftp://localhost/", false),
    ] {
        assert_eq!(may_be_asked(&Url::parse(url).unwrap()), may, "{url}");
    }
}

#[test]
fn secrets_do_not_print() {
    assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(..)");
}
