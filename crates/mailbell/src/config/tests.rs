//! The configuration: errors as an operator reads them, variables over file, and an example that lists every key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::source::variable_name;
use super::{Config, ListenAddress, Loaded, LogFormat};

fn parse(file: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let variables: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(Some((Path::new("mailbell.toml"), file)), variables)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn check_error(file: &str, wanted: &str) {
    assert_eq!(parse(file, &[]).expect_err(file), wanted, "for {file:?}");
}

#[test]
fn an_error_names_file_line_key_and_what_was_wanted() {
    for (file, wanted) in WRONG {
        check_error(file, wanted);
    }
}

#[test]
fn a_file_that_is_not_toml_is_told_by_line() {
    let error = parse("hostname = \"a\"\nlisten = = 3\n", &[]).expect_err("not TOML");
    assert!(error.starts_with("mailbell.toml:2: "), "{error}");
}

#[test]
fn every_error_is_told_at_once_and_by_line() {
    check_error(
        "zebra = 1\n[log]\nformat = \"xml\"\n[imap]\nallow_plaintext_login = 1",
        "mailbell.toml:1: zebra: unknown key\n\
         mailbell.toml:3: log.format: \"xml\" is not \"text\" or \"json\"\n\
         mailbell.toml:5: imap.allow_plaintext_login: 1 is not true or false",
    );
}

#[test]
fn a_variable_wins_over_the_file_and_its_errors_name_it() {
    let file = "hostname = \"a\"\n[listen]\nimap = \"127.0.0.1:1\"";
    let variables = [
        ("MAILBELL_LISTEN_IMAP", "127.0.0.1:143, unix:/run/imap"),
        ("MAILBELL_LIMITS_LMTP_CONNECTIONS", "7"),
        ("MAILBELL_PUSH_ALLOW_HTTP", "true"),
        ("MAILBELL_LISTEN_LMTP", ""),
        ("MAILBELL_PYTHON", "/usr/bin/python3"),
        ("HOME", "/root"),
    ];
    let loaded = parse(file, &variables).expect("valid");
    let shown: Vec<String> = loaded.config.listen.imap.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1:143", "unix:/run/imap"]);
    assert_eq!(loaded.config.hostname, "a");
    assert_eq!(loaded.config.limits.lmtp_connections, 7);
    assert!(loaded.config.push.allow_http);
    assert_eq!(loaded.config.listen.lmtp, []);
    assert_eq!(loaded.unknown_variables, ["MAILBELL_PYTHON"]);

    assert_eq!(
        parse(file, &[("MAILBELL_LISTEN_IMAP", "foo")]).expect_err("wrong"),
        r#"MAILBELL_LISTEN_IMAP: listen.imap: "foo" is not a socket address or unix:/path"#
    );
}

#[test]
fn without_a_file_everything_has_a_default_on_loopback() {
    let config = Config::default();
    assert_eq!(config.data_dir, Path::new("mailbell-data"));
    let listen = &config.listen;
    for address in
        [&listen.lmtp, &listen.imap, &listen.imaps, &listen.http, &listen.push].into_iter().flatten()
    {
        assert!(matches!(address, ListenAddress::Tcp(tcp) if tcp.ip().is_loopback()), "{address}");
    }
}

#[test]
fn relative_paths_are_relative_to_the_file_and_to_the_working_directory_in_variables() {
    let file = Path::new("/etc/mailbell/mailbell.toml");
    let text = "data_dir = \"data\"\nlisten.lmtp = \"unix:lmtp\"\ntls.certificate = \"c\"\ntls.key = \"/k\"";
    let variables = BTreeMap::from([("MAILBELL_PUSH_EXTRA_CA".to_owned(), "ca.pem".to_owned())]);
    let config = Config::parse(Some((file, text)), variables).expect("valid").config;
    assert_eq!(config.data_dir, Path::new("/etc/mailbell/data"));
    assert_eq!(config.listen.lmtp, [ListenAddress::Unix("/etc/mailbell/lmtp".into())]);
    let tls = config.tls.expect("set");
    assert_eq!(
        (tls.certificate.as_path(), tls.key.as_path()),
        (Path::new("/etc/mailbell/c"), Path::new("/k"))
    );
    assert_eq!(config.push.extra_ca, [Path::new("ca.pem")]);
}

#[test]
fn units_of_size_and_time_are_understood() {
    let file = "[limits]\nmessage_bytes = \"3 MiB\"\nlmtp_idle = \"2h\"\n[push]\nmin_interval = \"1500ms\"\n\
                [log]\nformat = \"json\"";
    let config = parse(file, &[]).expect("valid").config;
    assert_eq!(config.limits.message_bytes, 3 << 20);
    assert_eq!(config.limits.lmtp_idle, Duration::from_secs(7200));
    assert_eq!(config.push.min_interval, Duration::from_millis(1500));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn each_key_has_a_variable_of_its_own() {
    let keys = parse("", &[]).expect("valid").keys;
    let names: BTreeSet<String> = keys.iter().map(|key| variable_name(key)).collect();
    assert_eq!(names.len(), keys.len());
}

/// Keys stand in the example as `key = ...` or, where the default is "not set", as `# key = ...`.
#[test]
fn the_example_is_valid_lists_every_key_and_states_the_defaults() {
    let example = include_str!("../../../../mailbell.example.toml");
    let uncommented: String = example
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let loaded = parse(&uncommented, &[]).expect("the example is valid");
    for key in &loaded.keys {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        let section = match table {
            "" => uncommented.split("\n[").next().expect("head"),
            _ => uncommented
                .split_once(&format!("[{table}]\n"))
                .unwrap_or_else(|| panic!("the example has no table {table}"))
                .1
                .split("\n[")
                .next()
                .expect("section"),
        };
        let is_listed = section.lines().any(|line| line.split(" =").next() == Some(name));
        assert!(is_listed, "the example does not list {key}");
    }

    let as_shipped = parse(example, &[]).expect("the example is valid as shipped").config;
    assert_eq!(format!("{as_shipped:#?}"), format!("{:#?}", Config::default()));
}

/// Files with one thing wrong, and what is said about each.
const WRONG: &[(&str, &str)] = &[
    (
        "data_dir = \"/x\"\n\n[listen]\nimap = \"foo\"\n",
        r#"mailbell.toml:4: listen.imap: "foo" is not a socket address or unix:/path"#,
    ),
    ("listen.imap = 143", "mailbell.toml:1: listen.imap: 143 is not a list of strings"),
    (
        "listen.lmtp = [\"127.0.0.1:24\", \"unix:\"]",
        r#"mailbell.toml:1: listen.lmtp: "unix:" is not a socket address or unix:/path"#,
    ),
    ("listen.push = \"unix:/p\"", r#"mailbell.toml:1: listen.push: "unix:/p" is not a socket address"#),
    ("[listen]\nimp = \"x\"", "mailbell.toml:2: listen.imp: unknown key; did you mean listen.imap?"),
    ("hostnme = \"x\"", "mailbell.toml:1: hostnme: unknown key; did you mean hostname?"),
    ("contact = \"mailto:a@b\"", "mailbell.toml:1: contact: unknown key; did you mean push.contact?"),
    ("[zebra]\nstripes = 3", "mailbell.toml:2: zebra.stripes: unknown key"),
    ("hostname = \"\"", "mailbell.toml:1: hostname: is empty"),
    ("hostname = \"a b\"", r#"mailbell.toml:1: hostname: "a b" is not a host name"#),
    ("hostname = 3.5", "mailbell.toml:1: hostname: a value of type float is not a string"),
    (
        "[imap]\nallow_plaintext_login = \"yes\"",
        r#"mailbell.toml:2: imap.allow_plaintext_login: "yes" is not true or false"#,
    ),
    ("[imap]\nmessage_limit = 999", "mailbell.toml:2: imap.message_limit: 999 is below 1000"),
    (
        "[oauth]\nissuer = \"i\"\naudience = \"mail\"",
        "mailbell.toml:2: oauth.issuer: oauth.jwks and oauth.introspection_url are both missing",
    ),
    ("[submission]\nuser = \"u\"", "mailbell.toml:2: submission: submission.smarthost is missing"),
    (
        "[submission]\nsmarthost = \"smtp.example:x\"",
        r#"mailbell.toml:2: submission.smarthost: "smtp.example:x" is not a host, or a host and a port such as "smtp.example:587""#,
    ),
    (
        "[submission]\nsmarthost = \"smtp.example\"\nuser = \"u\"",
        "mailbell.toml:3: submission.user: submission.password_file is missing",
    ),
    (
        "[submission]\nsmarthost = \"smtp.example\"\npassword_file = \"p\"",
        "mailbell.toml:3: submission.password_file: submission.user is missing",
    ),
    (
        "[submission]\nsmarthost = \"smtp.example\"\ntls = \"none\"\nuser = \"u\"\npassword_file = \"p\"",
        "mailbell.toml:4: submission.user: the password would go over the network as it is: set submission.tls to \"starttls\" or \"implicit\"",
    ),
    (
        "[submission]\nsmarthost = \"smtp.example\"\ntls = \"ssl\"",
        r#"mailbell.toml:3: submission.tls: "ssl" is not "implicit", "starttls" or "none""#,
    ),
    ("[apple]\ncertificate = \"c.pem\"", "mailbell.toml:2: apple: apple.topic is missing"),
    (
        "[apple]\ntopic = \"t\"\ncertificate = \"c.pem\"",
        "mailbell.toml:2: apple.topic: certificate and key, or token_key, key_id and team_id are missing",
    ),
    (
        "[apple]\nurl = \"https://x.example/3\"",
        r#"mailbell.toml:2: apple.url: "https://x.example/3" is not an https: URL without path"#,
    ),
    ("[oauth]\njwks = \"k.json\"", "mailbell.toml:2: oauth: oauth.issuer is missing"),
    (
        "[oauth]\nissuer = \"i\"\njwks = \"k.json\"",
        "mailbell.toml:2: oauth.issuer: oauth.audience is missing",
    ),
    (
        "[oauth]\nissuer = \"i\"\nintrospection_url = \"http://localhost/x\"\nclient_id = \"c\"",
        "mailbell.toml:2: oauth.issuer: oauth.client_id or oauth.client_secret_file is missing",
    ),
    (
        "[oauth]\njwks = \"http://id.example/keys\"",
        r#"mailbell.toml:2: oauth.jwks: "http://id.example/keys" is not an https: URL, nor an http: one of this machine"#,
    ),
    (
        "[push]\ncontact = \"postmaster\"",
        r#"mailbell.toml:2: push.contact: "postmaster" is not a mailto: or https: URI"#,
    ),
    (
        "[push]\nallow_addresses = [\"10.0.0.0/33\"]",
        r#"mailbell.toml:2: push.allow_addresses: "10.0.0.0/33" is not a network such as 10.0.0.0/8 or an address"#,
    ),
    (
        "[push]\nmin_interval = 5",
        r#"mailbell.toml:2: push.min_interval: 5 is not a time such as "30s", "500ms", "10m" or "7d""#,
    ),
    (
        "[push_service]\npublic_url = \"ftp://push.example\"",
        r#"mailbell.toml:2: push_service.public_url: "ftp://push.example" is not an https: URL without path"#,
    ),
    (
        "[push_service]\npublic_url = \"https://push.example/x\"",
        r#"mailbell.toml:2: push_service.public_url: "https://push.example/x" is not an https: URL without path"#,
    ),
    (
        "[push_service]\nmessage_bytes = \"4095\"",
        r#"mailbell.toml:2: push_service.message_bytes: 4095 is less than 4096"#,
    ),
    (
        "[push_service]\ndelivery_unsent_bytes = \"16383\"",
        r#"mailbell.toml:2: push_service.delivery_unsent_bytes: 16383 is less than 16384"#,
    ),
    (
        "[push_service]\ndelivery_keep_alive = \"0s\"",
        r#"mailbell.toml:2: push_service.delivery_keep_alive: 0 would end everything at once"#,
    ),
    (
        "[push_service]\nsender_rate = 0",
        r#"mailbell.toml:2: push_service.sender_rate: 0 is not a whole number above 0"#,
    ),
    (
        "[push_service]\nsender_burst = 4294967296",
        r#"mailbell.toml:2: push_service.sender_burst: 4294967296 is too large"#,
    ),
    (
        "[delivery]\nsubaddress_separator = \"ab\"",
        r#"mailbell.toml:2: delivery.subaddress_separator: "ab" is not one ASCII punctuation character"#,
    ),
    (
        "[delivery]\nspam_headers = [\"X-Spam\"]",
        r#"mailbell.toml:2: delivery.spam_headers: "X-Spam" is not a header field and a value such as "X-Spam-Flag: YES""#,
    ),
    (
        "[limits]\nmessage_bytes = \"50 MB\"",
        r#"mailbell.toml:2: limits.message_bytes: "50 MB" is not a size such as "50MiB""#,
    ),
    (
        "[limits]\nlmtp_connections = 0",
        "mailbell.toml:2: limits.lmtp_connections: 0 is not a whole number above 0",
    ),
    (
        "[limits]\nmessage_bytes = \"99999999999TiB\"",
        r#"mailbell.toml:2: limits.message_bytes: "99999999999TiB" is not a size such as "50MiB""#,
    ),
    (
        "[log]\nlevel = \"info,=\"",
        r#"mailbell.toml:2: log.level: "info,=" is not a level such as "info" or "info,imap=debug""#,
    ),
    ("[log]\nformat = \"xml\"", r#"mailbell.toml:2: log.format: "xml" is not "text" or "json""#),
    ("[tls]\nkey = \"k.pem\"", "mailbell.toml:2: tls.key: tls.certificate is missing"),
    ("[tls]\ncertificate = \"c.pem\"", "mailbell.toml:2: tls.certificate: tls.key is missing"),
];
