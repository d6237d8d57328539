use super::*;

fn shown(property: &str, header: &str) -> Value {
    let raw = header.as_bytes();
    HeaderProperty::parse(property).unwrap().value(&message::header_fields(raw), raw)
}

#[test]
fn a_field_is_shown_in_each_of_its_forms() {
    let header = "Subject:  =?utf-8?q?caf=C3=A9?=\r\n\tand more\r\n\
        To: Zoe <zoe@a.test>, \"a b\"@b.test\r\n\
        Cc: Friends: x@a.test, \"Y\" <y@a.test>;, z@a.test\r\n\
        Message-ID: <1@a.test>\r\nReferences: <1@a.test> <2@a.test>\r\n\
        Date: Tue, 10 Jul 2018 01:03:11 +1000\r\n\
        List-Post: <mailto:l@a.test> (by mail),\r\n <https://a.test/>\r\n\
        X-A: one\r\nx-a:  two\r\n\r\n";
    let cases = [
        ("header:Subject", json!("  =?utf-8?q?caf=C3=A9?=\r\n\tand more")),
        ("header:subject:asText", json!("café\tand more")),
        (
            "header:To:asAddresses",
            json!([{ "name": "Zoe", "email": "zoe@a.test" }, { "name": null, "email": "\"a b\"@b.test" }]),
        ),
        (
            "header:Cc:asGroupedAddresses",
            json!([
                { "name": "Friends", "addresses": [
                    { "name": null, "email": "x@a.test" }, { "name": "Y", "email": "y@a.test" }] },
                { "name": null, "addresses": [{ "name": null, "email": "z@a.test" }] },
            ]),
        ),
        ("header:References:asMessageIds", json!(["1@a.test", "2@a.test"])),
        ("header:Date:asDate", json!("2018-07-10T01:03:11+10:00")),
        ("header:List-Post:asURLs", json!(["mailto:l@a.test", "https://a.test/"])),
        ("header:X-A", json!("  two")),
        ("header:X-A:all", json!([" one", "  two"])),
        ("header:X-A:asText:all", json!(["one", "two"])),
        ("header:X-B", Value::Null),
        ("header:X-B:all", json!([])),
        ("header:X-A:asDate", Value::Null),
    ];
    for (property, expected) in cases {
        assert_eq!(shown(property, header), expected, "{property}");
    }
}

#[test]
fn a_form_that_the_field_has_not_is_no_property() {
    for property in [
        "header:",
        "header:Subject:asDate",
        "header:From:asText",
        "header:Date:asAddresses",
        "header:Received:asText",
        "header:To:asNothing",
        "header:To:all:asAddresses",
        "header:To:asAddresses:all:all",
        "header:A B",
        "header:é",
        "subject",
    ] {
        assert_eq!(HeaderProperty::parse(property), None, "{property}");
    }
}
