use super::*;

#[test]
fn urls_name_a_mailbox_a_message_and_what_of_it() {
    let cases = [
        ("/INBOX/;UID=20", "INBOX", None, 20, "BODY[]"),
        (
            "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
            "Drafts",
            Some(385_759_045),
            20,
            "BODY[HEADER]",
        ),
        ("/a/b;uidvalidity=1/;uid=2/;Section=1.2.MIME", "a/b", Some(1), 2, "BODY[1.2.MIME]"),
        ("/Gr%C3%BC%c3%9Fe/;UID=3/;SECTION=1/;PARTIAL=10.20", "Grüße", None, 3, "BODY[1]<10>"),
        ("/x/;UID=3/;PARTIAL=7", "x", None, 3, "BODY[]<7>"),
        (";UID=7/;SECTION=HEADER.FIELDS%20(To)", "", None, 7, "BODY[HEADER.FIELDS (To)]"),
        ("/;UID=7", "", None, 7, "BODY[]"),
    ];
    for (url, mailbox, uid_validity, uid, label) in cases {
        let parsed = MessageUrl::parse(url).unwrap_or_else(|| panic!("{url}"));
        assert_eq!(
            (parsed.mailbox.as_str(), parsed.uid_validity, parsed.uid),
            (mailbox, uid_validity, uid),
            "{url}"
        );
        let mut out = bytes::BytesMut::new();
        parsed.section.encode_label(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), label, "{url}");
    }
    let whole = MessageUrl::parse("/x/;UID=3/;PARTIAL=7").unwrap().section;
    assert_eq!(whole.partial, Some(Partial { offset: 7, length: u64::MAX }));
    assert_eq!(whole.section.part, PartPath::default());
}

#[test]
fn what_names_no_message_here_is_refused() {
    let long = format!("/{}/;UID=1", "x".repeat(URL_BYTES_MAX));
    let cases = [
        "",
        "/INBOX",
        "INBOX/;UID=1",
        "imap://alice@mail.example.org/INBOX/;UID=1",
        "//mail.example.org/INBOX",
        "/INBOX/;UID=0",
        "/INBOX/;UID=+1",
        "/INBOX/;UID=1:2",
        "/INBOX;UIDVALIDITY=x/;UID=1",
        "/INBOX/;UID=1/;SECTION=NOPE",
        "/INBOX/;UID=1/;SECTION=MIME",
        "/INBOX/;UID=1/;SECTION=1]",
        "/INBOX/;UID=1/;PARTIAL=",
        "/INBOX/;UID=1/;PARTIAL=1.0",
        "/INBOX/;UID=1/;PARTIAL=1.2.3",
        "/INBOX/;UID=1;EXPIRE=2030-01-01",
        "/%zz/;UID=1",
        "/%ff/;UID=1",
        "/%c3/;UID=1",
        "/%4/;UID=1",
        &long,
    ];
    for url in cases {
        assert_eq!(MessageUrl::parse(url), None, "{url}");
    }
}
