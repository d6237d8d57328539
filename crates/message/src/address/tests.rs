use super::{ADDRESSES_MAX, Address, parse};

/// `name|mailbox|host` for each entry, `-` for NIL.
fn listed(value: &str) -> String {
    let field = |bytes: &Option<Vec<u8>>| match bytes {
        None => "-".to_owned(),
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    let entry = |address: &Address| {
        format!("{}|{}|{}", field(&address.name), field(&address.mailbox), field(&address.host))
    };
    parse(value.as_bytes()).iter().map(entry).collect::<Vec<_>>().join(" ; ")
}

#[test]
fn addresses_are_read_in_every_form() {
    let cases: &[(&str, &str)] = &[
        ("", ""),
        ("alice@example.org", "-|alice|example.org"),
        ("<alice@example.org>", "-|alice|example.org"),
        ("Alice Example <alice@example.org>", "Alice Example|alice|example.org"),
        ("\"Example, Alice\" <alice@example.org>", "Example, Alice|alice|example.org"),
        ("\"Alice \\\"A\\\" \\\\ E\" <a@b>", "Alice \"A\" \\ E|a|b"),
        ("Alice   \t Example<a@b>", "Alice Example|a|b"),
        ("alice@example.org (Alice Example)", "Alice Example|alice|example.org"),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete|silly.test"),
        ("=?utf-8?q?Zo=C3=AB?= <zoe@example.org>", "=?utf-8?q?Zo=C3=AB?=|zoe|example.org"),
        ("a@b, c@d", "-|a|b ; -|c|d"),
        ("a@b,,, c@d ,", "-|a|b ; -|c|d"),
        ("a@b; c@d", "-|a|b ; -|c|d"),
        ("\"a b\"@example.org", "-|a b|example.org"),
        ("\"a@b\"@example.org", "-|a@b|example.org"),
        ("a . b @ example . org", "-|a.b|example.org"),
        ("alice@[IPv6:2001:db8::1]", "-|alice|[IPv6:2001:db8::1]"),
        ("<@relay1,@relay2:alice@example.org>", "-|alice|example.org"),
        ("alice@example.org <alice@example.org>", "alice@example.org|alice|example.org"),
        ("root", "-|root|"),
        ("Mail Delivery System", "-|Mail Delivery System|"),
        ("<>", "-||"),
        ("Alice <alice", "Alice|alice|"),
        ("Alice <alice@example.org, Bob <bob@example.org>", "Alice|alice|example.org ; Bob|bob|example.org"),
        ("<a@b, c@d>", "-|a|b ; -|c|d"),
        ("\"never closed <a@b>", "-|never closed <a@b>|"),
        ("Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|john.q.public|example.com"),
    ];
    for (value, expected) in cases {
        assert_eq!(listed(value), *expected, "{value}");
    }
}

/// RFC 5322 appendix A.1.3.
#[test]
fn groups_have_a_start_and_an_end() {
    let cases: &[(&str, &str)] = &[
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            "-|A Group|- ; Ed Jones|c|a.test ; -|joe|where.test ; John|jdoe|one.test ; -|-|-",
        ),
        ("Undisclosed recipients:;", "-|Undisclosed recipients|- ; -|-|-"),
        ("a@b, G: c@d;, e@f", "-|a|b ; -|G|- ; -|c|d ; -|-|- ; -|e|f"),
        ("G: c@d", "-|G|- ; -|c|d ; -|-|-"),
        ("\"Quoted: group\": c@d;", "-|Quoted: group|- ; -|c|d ; -|-|-"),
    ];
    for (value, expected) in cases {
        assert_eq!(listed(value), *expected, "{value}");
    }
}

#[test]
fn a_list_ends_at_its_limit() {
    let value = "a@b,".repeat(ADDRESSES_MAX + 10);
    assert_eq!(parse(value.as_bytes()).len(), ADDRESSES_MAX);
}
