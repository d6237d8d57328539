use super::*;
use crate::config::ListenAddress;

#[test]
fn the_session_of_jmap_is_told_where_it_is_served_under_a_known_name() {
    let here: ListenAddress = ListenAddress::Tcp("127.0.0.1:1".parse().unwrap());
    let known = Some("https://mail.example.org");
    let session = Some("https://mail.example.org/.well-known/jmap");
    // (public_url, listens on http, listens on https, the URL)
    let cases = [
        (known, true, false, session),
        (known, false, true, session),
        (known, false, false, None),
        (None, true, true, None),
        (
            Some("https://mail.example.org:8443"),
            false,
            true,
            Some("https://mail.example.org:8443/.well-known/jmap"),
        ),
    ];
    for (public_url, http, https, expected) in cases {
        let mut config = Config::default();
        config.jmap.public_url = public_url.map(|url| url.parse().unwrap());
        let listens = |listens: bool| listens.then(|| here.clone()).into_iter().collect();
        (config.listen.http, config.listen.https) = (listens(http), listens(https));
        assert_eq!(jmap_session(&config).unwrap().as_deref(), expected, "{public_url:?} {http} {https}");
    }
}
