use super::*;

#[test]
fn an_address_is_quoted_only_where_it_must_be() {
    for (local_part, domain, written) in [
        ("alice", None, "alice"),
        ("alice", Some("example.org"), "alice@example.org"),
        ("al.ice+x/y", Some("example.org"), "al.ice+x/y@example.org"),
        ("grün", Some("bücher.example"), "grün@bücher.example"),
        ("john..doe", Some("[192.0.2.1]"), "\"john..doe\"@[192.0.2.1]"),
        ("a b", None, "\"a b\""),
        ("say \"\\\"", Some("x"), "\"say \\\"\\\\\\\"\"@x"),
        ("", Some("x"), "\"\"@x"),
    ] {
        let address = Address { local_part: local_part.into(), domain: domain.map(str::to_owned) };
        assert_eq!(address.to_string(), written);
    }
}
