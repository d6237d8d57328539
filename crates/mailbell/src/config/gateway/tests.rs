use super::*;

const KEY: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

fn parse(text: &str) -> Result<GatewayFile, String> {
    GatewayFile::parse(Path::new("/etc/gateway.toml"), text)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_gateway_file_says_what_goes_where() {
    let text = format!(
        r#"
service = "wss://push.example"
ca = "ca.pem"
on_endpoint = "cat"

[spool]
directory = "/var/spool/gateway"
messages = 5
bytes = "1MiB"
age = "1d"

[mqtt]
url = "mqtts://broker.example"
client_id = "hall"

[[subscription]]
name = "door"
vapid = "{KEY}"
exec = "ring"

[[subscription]]
name = "heating"
post = "http://127.0.0.1:8080/x"
timeout = "5s"
raw = true

[[subscription]]
name = "light"
mqtt = "home/light"
retain = true
"#
    );
    let file = parse(&text).unwrap();
    assert_eq!(file.fixed.ca.as_deref(), Some(Path::new("/etc/ca.pem")));
    assert_eq!(file.fixed.limits, Limits { messages: 5, bytes: 1 << 20, age: Duration::from_secs(86_400) });
    let mqtt = file.mqtt.unwrap();
    assert_eq!((mqtt.address.port, mqtt.is_tls, mqtt.login), (8883, true, None));
    let anybody = |vapid, is_raw| PushedBy::Anybody { vapid, is_raw };
    let vapid = Some(PublicKey::from_base64url(KEY).unwrap());
    let expected = [
        ("door", anybody(vapid, false), HandedTo::Exec("ring".into()), 30),
        (
            "heating",
            anybody(None, true),
            HandedTo::Post { url: "http://127.0.0.1:8080/x".into(), authorization: None },
            5,
        ),
        ("light", anybody(None, false), HandedTo::Mqtt { topic: "home/light".into(), is_retained: true }, 30),
    ];
    assert_eq!(file.subscriptions.len(), expected.len());
    for (subscription, (name, source, target, seconds)) in file.subscriptions.into_iter().zip(expected) {
        let time_max = Duration::from_secs(seconds);
        assert_eq!(subscription, Subscription { name: name.into(), source, target, time_max });
    }
}

#[test]
fn secrets_come_from_files_and_do_not_print() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret"), "s3cret\n").unwrap();
    let text = r#"
service = "ws://127.0.0.1:1"
[mqtt]
url = "mqtt://127.0.0.1"
username = "gateway"
password_file = "secret"
[[subscription]]
name = "mail"
imap = "imaps://alice@mail.example"
password_file = "secret"
mqtt = "mail"
[[subscription]]
name = "hook"
post = "https://hook.example/"
authorization_file = "secret"
"#;
    let file = GatewayFile::parse(&dir.path().join("gateway.toml"), text).unwrap();
    let secret = || Secret("s3cret".into());
    assert_eq!(file.mqtt.as_ref().unwrap().login, Some(("gateway".into(), secret())));
    let url = "imaps://alice@mail.example".to_owned();
    assert_eq!(file.subscriptions[0].source, PushedBy::Account { url, password: secret() });
    let authorization = Some(secret());
    assert_eq!(
        file.subscriptions[1].target,
        HandedTo::Post { url: "https://hook.example/".into(), authorization }
    );
    assert!(!format!("{file:?}").contains("s3cret"));
}

#[test]
fn what_is_wrong_is_told_by_key_and_line() {
    let service = "service = \"ws://127.0.0.1:1\"\n";
    let block = |lines: &str| format!("{service}[[subscription]]\nname = \"a\"\n{lines}");
    let cases = [
        (String::new(), "1: service: is missing: the push service, wss://..."),
        ("service = \"http://a\"".into(), "1: service: \"http://a\" is not a ws: or wss: URL"),
        ("service = 1".into(), "1: service: 1 is not a string"),
        (format!("{service}servis = 1"), "2: servis: unknown key; did you mean service?"),
        (format!("{service}subscription = 1"), "2: subscription: is not written as [[subscription]]"),
        (format!("{service}spool.messages = 0"), "2: spool.messages: 0 is not a whole number above 0"),
        (format!("{service}[[subscription]]\nexec = \"x\""), "2: subscription.name: is missing"),
        (
            format!("{service}[[subscription]]\nexec = \"x\"\nname = \"a b\""),
            "4: subscription.name: \"a b\" is not of at most 100 letters, digits and . _ @ + -",
        ),
        (block(""), "2: subscription: has no target: exec, post or mqtt"),
        (
            block("exec = \"x\"\npost = \"http://a/\""),
            "2: subscription: has more than one target of exec, post and mqtt",
        ),
        (
            block("exek = \"x\""),
            "2: subscription: has no target: exec, post or mqtt\n/etc/gateway.toml:4: subscription.exek: unknown key; did you mean subscription.exec?",
        ),
        (
            block("post = \"ftp://a/\""),
            "4: subscription.post: \"ftp://a/\" is not an http: or https: URL without user and password",
        ),
        (
            block("post = \"http://u:p@a/\""),
            "4: subscription.post: \"http://u:p@a/\" is not an http: or https: URL without user and password",
        ),
        (block("mqtt = \"t\""), "4: subscription.mqtt: needs a broker: mqtt.url is missing"),
        (block("mqtt = \"t/#\""), "4: subscription.mqtt: \"t/#\" is not a topic to publish to"),
        (block("exec = \"x\"\nretain = true"), "5: subscription.retain: is for subscription.mqtt"),
        (
            block("exec = \"x\"\nvapid = \"BP4\""),
            "5: subscription.vapid: \"BP4\" is not a public key on P-256 in base64url",
        ),
        (
            block("exec = \"x\"\nimap = \"imaps://a@b\""),
            "5: subscription.imap: subscription.password_file or subscription.password_variable is missing",
        ),
        (
            block("exec = \"x\"\nimap = \"https://a@b\""),
            "5: subscription.imap: \"https://a@b\" is not an imap:// or imaps:// URL with a user and a host",
        ),
        (
            block("exec = \"x\"\npassword_variable = \"MAILBELL_NO_SUCH\""),
            "5: subscription.password_variable: there is no environment variable MAILBELL_NO_SUCH",
        ),
        (
            block("exec = \"x\"\npassword_file = \"/nowhere\""),
            "5: subscription.password_file: cannot be read: No such file or directory (os error 2)",
        ),
        (
            block("exec = \"x\"\n[[subscription]]\nname = \"a\"\nexec = \"y\""),
            "6: subscription.name: \"a\" is the name of another subscription",
        ),
        (
            format!("{service}[mqtt]\nurl = \"mqtts://broker/path\""),
            "3: mqtt.url: \"mqtts://broker/path\" is not a URL such as mqtts://broker.example (mqtt: without TLS)",
        ),
        (
            format!("{service}[mqtt]\nurl = \"mqtt://broker\"\nusername = \"u\""),
            "4: mqtt.username: mqtt.password_file or mqtt.password_variable is missing",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(parse(&text).unwrap_err(), format!("/etc/gateway.toml:{wanted}"), "{text}");
    }
}
