use proptest::prelude::*;

use super::*;

/// Local part and domain of a path that is not null, and what follows it.
type Parsed<'a> = (Option<(String, Option<&'a str>)>, &'a str);

fn parsed(input: &str) -> Option<Parsed<'_>> {
    let (path, rest) = parse(input).ok()?;
    Some((path.map(|path| (path.local_part.into_owned(), path.domain)), rest))
}

#[test]
fn paths_are_read_with_their_quotes_off() {
    for (input, local_part, domain, rest) in [
        ("<alice>", "alice", None, ""),
        ("<alice@example.org> SIZE=1", "alice", Some("example.org"), " SIZE=1"),
        ("<alice+Lists/Rust@example.org>", "alice+Lists/Rust", Some("example.org"), ""),
        ("<\"a b\"@example.org>", "a b", Some("example.org"), ""),
        ("<\"a\\\"\\\\@>\"@example.org>", "a\"\\@>", Some("example.org"), ""),
        ("<a..b.@example.org>", "a..b.", Some("example.org"), ""),
        ("<alice@[192.0.2.1]>", "alice", Some("[192.0.2.1]"), ""),
        ("<alice@[IPv6:2001:db8::1]>", "alice", Some("[IPv6:2001:db8::1]"), ""),
        ("<@one.example,@two.example:alice@example.org>", "alice", Some("example.org"), ""),
        ("<grün@bücher.example>", "grün", Some("bücher.example"), ""),
        ("<x@host_1>x", "x", Some("host_1"), "x"),
    ] {
        assert_eq!(parsed(input), Some((Some((local_part.into(), domain)), rest)), "{input}");
    }
    assert_eq!(parsed("<> BODY=7BIT"), Some((None, " BODY=7BIT")));
}

#[test]
fn what_is_no_path_is_refused() {
    let long = format!("<{}@example.org>", "a".repeat(256));
    let long_domain = format!("<a@{}>", "b".repeat(256));
    for input in [
        "",
        "alice",
        "<alice",
        "<",
        "<@>",
        "<@example.org>",
        "<alice@>",
        "<alice@.org>",
        "<alice@a..b>",
        "<a b>",
        "<\"\"@x>",
        "<\"a@x>",
        "<\"a\\",
        "<\"a\u{1}\"@x>",
        "<a\u{7f}@x>",
        "<a\u{85}@x>",
        "<a@[]>",
        "<a@[1>",
        "<a@[1\\2]>",
        "<a@x\u{85}>",
        "<a@x y>",
        "<@a b:c@d>",
        "<@a,b:c@d>",
        "<<a@x>>",
        &long,
        &long_domain,
    ] {
        assert_eq!(parse(input), Err(PathError), "{input:?}");
    }
}

proptest! {
    #[test]
    fn what_delivery_writes_is_read_back(local_part in "[^\\p{Cc}]{1,60}", domain in proptest::option::of("[a-z0-9]{1,9}(\\.[a-zü]{1,9}){0,3}")) {
        prop_assume!(local_part.len() <= LOCAL_PART_BYTES_MAX);
        let address = delivery::Address { local_part, domain };
        let written = format!("<{address}> rest");
        let (path, rest) = parse(&written).unwrap();
        let path = path.unwrap();
        prop_assert_eq!(&path.local_part, &address.local_part);
        prop_assert_eq!(path.domain, address.domain.as_deref());
        prop_assert_eq!(rest, " rest");
    }

    #[test]
    fn any_input_has_an_answer(input in "\\PC{0,40}|[<>@\"\\\\:,a\\[\\]. ]{0,30}") {
        if let Ok((_, rest)) = parse(&input) {
            prop_assert!(input.ends_with(rest));
        }
    }
}
