//! Known answers from the RFCs: part numbers, sections, and the fields of BODYSTRUCTURE.

use message::{Content, HeaderSelection, Parsed, Section, text};

/// Builds the message whose part numbers RFC 9051 §6.4.5.1 lists.
fn numbered() -> String {
    let inner = "Subject: four-two\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n\
        --d\r\nContent-Type: text/plain\r\n\r\n4.2.1\r\n\
        --d\r\nContent-Type: multipart/alternative; boundary=e\r\n\r\n\
        --e\r\nContent-Type: text/plain\r\n\r\n4.2.2.1\r\n\
        --e\r\nContent-Type: text/richtext\r\n\r\n4.2.2.2\r\n--e--\r\n--d--";
    let third = "Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\n3.1\r\n\
        --b\r\nContent-Type: application/octet-stream\r\n\r\n3.2\r\n--b--";
    format!(
        "Subject: top\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n\
         --a\r\nContent-Type: text/plain\r\n\r\n1\r\n\
         --a\r\nContent-Type: application/octet-stream\r\n\r\n2\r\n\
         --a\r\nContent-Type: message/rfc822\r\n\r\n{third}\r\n\
         --a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\
         --c\r\nContent-Type: image/gif\r\n\r\n4.1\r\n\
         --c\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--c--\r\n--a--\r\n"
    )
}

fn section(raw: &str, path: &[u32], section: Section<'_>) -> Option<String> {
    let ranges = Parsed::parse(raw.as_bytes()).structure.section(raw.as_bytes(), path, section)?;
    Some(ranges.into_iter().map(|range| &raw[range]).collect())
}

#[test]
fn parts_have_the_numbers_of_the_rfc() {
    let raw = numbered();
    let leaves: &[&[u32]] =
        &[&[1], &[2], &[3, 1], &[3, 2], &[4, 1], &[4, 2, 1], &[4, 2, 2, 1], &[4, 2, 2, 2]];
    let parsed = Parsed::parse(raw.as_bytes());
    for path in leaves {
        let number = path.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        assert_eq!(section(&raw, path, Section::Whole).as_deref(), Some(number.as_str()));
        assert_eq!(parsed.structure.part_at(path).unwrap().path(), *path);
        assert_eq!(section(&raw, path, Section::Header), None, "{number} is no message");
    }
    for path in [&[5][..], &[0], &[1, 1], &[3, 3], &[4, 3], &[4, 2, 2, 3], &[4, 1, 1]] {
        assert_eq!(section(&raw, path, Section::Whole), None, "{path:?}");
    }
}

#[test]
fn headers_and_texts_belong_to_messages() {
    let raw = numbered();
    let third_header = "Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    let cases: &[(&[u32], Section<'_>, &str)] = &[
        (&[3], Section::Header, third_header),
        (&[3], Section::Mime, "Content-Type: message/rfc822\r\n\r\n"),
        (&[4, 1], Section::Mime, "Content-Type: image/gif\r\n\r\n"),
        (&[4, 2], Section::Header, "Subject: four-two\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"),
        (&[4, 2, 2], Section::Mime, "Content-Type: multipart/alternative; boundary=e\r\n\r\n"),
    ];
    for (path, wanted, expected) in cases {
        assert_eq!(section(&raw, path, *wanted).as_deref(), Some(*expected), "{path:?} {wanted:?}");
    }
    let whole = section(&raw, &[3], Section::Whole).unwrap();
    assert_eq!(whole, third_header.to_owned() + &section(&raw, &[3], Section::Text).unwrap());
    assert_eq!(section(&raw, &[], Section::Mime), None);
    assert_eq!(section(&raw, &[4], Section::Text), None);
}

#[test]
fn the_body_of_a_message_that_is_no_multipart_is_part_1() {
    let raw = "Subject: x\r\n\r\nbody";
    assert_eq!(section(raw, &[1], Section::Whole).as_deref(), Some("body"));
    assert_eq!(section(raw, &[1], Section::Mime).as_deref(), Some("Subject: x\r\n\r\n"));
    assert_eq!(section(raw, &[1, 1], Section::Whole), None);
    assert_eq!(section(raw, &[2], Section::Whole), None);
    let nested = "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody";
    assert_eq!(section(nested, &[1], Section::Whole).as_deref(), Some("Subject: inner\r\n\r\nbody"));
    assert_eq!(section(nested, &[1], Section::Header).as_deref(), Some("Subject: inner\r\n\r\n"));
    assert_eq!(section(nested, &[1, 1], Section::Whole).as_deref(), Some("body"));
    assert_eq!(section(nested, &[1, 1, 1], Section::Whole), None);
}

#[test]
fn some_fields_of_a_header_come_with_its_empty_line() {
    let raw = "A: 1\r\nb: 2\r\n x\r\nA: 3\r\n\r\nbody";
    let cases: &[(HeaderSelection, &[&[u8]], &str)] = &[
        (HeaderSelection::Named, &[b"a"], "A: 1\r\nA: 3\r\n\r\n"),
        (HeaderSelection::Named, &[b"B", b"none"], "b: 2\r\n x\r\n\r\n"),
        (HeaderSelection::Named, &[b"none"], "\r\n"),
        (HeaderSelection::NotNamed, &[b"A"], "b: 2\r\n x\r\n\r\n"),
        (HeaderSelection::NotNamed, &[], "A: 1\r\nb: 2\r\n x\r\nA: 3\r\n\r\n"),
    ];
    for (selection, names, expected) in cases {
        let wanted = Section::HeaderFields(*selection, names);
        assert_eq!(section(raw, &[], wanted).as_deref(), Some(*expected), "{wanted:?}");
    }
    let named = Section::HeaderFields(HeaderSelection::Named, &[b"A"]);
    assert_eq!(section("A: 1\r\n", &[], named).as_deref(), Some("A: 1\r\n"));
    assert_eq!(section("A: 1\n\nx", &[], named).as_deref(), Some("A: 1\n\n"));
}

/// The example of RFC 9051 §7.5.2: a text, and a file in base64, with the sizes given there.
#[test]
fn a_body_structure_has_the_fields_of_the_rfc() {
    let text = text_of(23, 1152);
    let file = text_of(73, 4554);
    let raw = format!(
        "Content-Type: MULTIPART/MIXED; BOUNDARY=\"x\"\r\n\r\n\
         --x\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n{text}\r\n\
         --x\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=\"cc.diff\"\r\n\
         Content-ID: <960723163407.20117h@cac.washington.edu>\r\nContent-Description: Compiler diff\r\n\
         Content-Transfer-Encoding: BASE64\r\n\r\n{file}\r\n--x--\r\n"
    );
    let parsed = Parsed::parse(raw.as_bytes());
    let root = parsed.structure.root();
    assert!(matches!(root.content(), Content::Multipart) && root.part.is_type("multipart", "mixed"));
    let parts: Vec<_> = root.children().map(|child| child.part).collect();
    assert_eq!((parts[0].octets(), parts[0].lines, parts[0].encoding.as_slice()), (1152, 23, &b"7bit"[..]));
    assert_eq!(parts[0].charset(), Some(&b"US-ASCII"[..]));
    assert_eq!((parts[1].octets(), parts[1].lines, parts[1].encoding.as_slice()), (4554, 73, &b"BASE64"[..]));
    assert_eq!(parts[1].id.as_deref(), Some(&b"<960723163407.20117h@cac.washington.edu>"[..]));
    assert_eq!(parts[1].description.as_deref(), Some(&b"Compiler diff"[..]));
    let parameters: Vec<_> = parts[1].parameters.iter().map(|one| (&one.name[..], &one.value[..])).collect();
    assert_eq!(parameters, [(&b"CHARSET"[..], &b"US-ASCII"[..]), (b"NAME", b"cc.diff")]);
}

/// A text of so many lines and bytes.
fn text_of(lines: usize, bytes: usize) -> String {
    "\r\n".repeat(lines - 1) + &"x".repeat(bytes - 2 * lines) + "\r\n"
}

/// A message of the shape that RFC 2049 appendix A shows, its text our own.
const COMPLEX: &str = "MIME-Version: 1.0\r\nFrom: Nathaniel <nsb@nsb.fv.com>\r\nSubject: A multipart example\r\n\
    Content-Type: multipart/mixed;\r\n boundary=unique-boundary-1\r\n\r\nThe preamble is not shown.\r\n\
    --unique-boundary-1\r\n\r\nFirst text.\r\n\
    --unique-boundary-1\r\nContent-type: text/plain; charset=US-ASCII\r\n\r\nSecond text.\r\n\
    --unique-boundary-1\r\nContent-Type: multipart/parallel; boundary=unique-boundary-2\r\n\r\n\
    --unique-boundary-2\r\nContent-Type: audio/basic\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\
    --unique-boundary-2\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\nBBBB\r\n\
    --unique-boundary-2--\r\n\
    --unique-boundary-1\r\nContent-type: text/enriched\r\n\r\n<bold>Enriched.</bold>\r\n\
    --unique-boundary-1\r\nContent-Type: message/rfc822\r\n\r\nFrom: inner@example.org\r\nSubject: Inside\r\n\
    Content-Type: Text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: Quoted-printable\r\n\r\ncaf=E9\r\n\
    --unique-boundary-1--\r\n";

#[test]
fn the_complex_multipart_of_rfc_2049_is_taken_apart() {
    let cases: &[(&[u32], &str, &str)] = &[
        (&[1], "text/plain", "First text."),
        (&[2], "text/plain", "Second text."),
        (&[3, 1], "audio/basic", "AAAA"),
        (&[3, 2], "image/jpeg", "BBBB"),
        (&[4], "text/enriched", "<bold>Enriched.</bold>"),
        (&[5, 1], "Text/plain", "caf=E9"),
    ];
    let parsed = Parsed::parse(COMPLEX.as_bytes());
    let leaves = parsed.structure.nodes().filter(|node| matches!(node.content(), Content::Leaf));
    let paths: Vec<Vec<u32>> = leaves.map(|node| node.path()).collect();
    assert_eq!(paths, cases.iter().map(|(path, ..)| path.to_vec()).collect::<Vec<_>>());
    for (path, media_type, body) in cases {
        let part = parsed.structure.part_at(path).unwrap().part;
        let found = [&part.media_type[..], b"/", &part.subtype[..]].concat();
        assert_eq!(String::from_utf8_lossy(&found), *media_type);
        assert_eq!(section(COMPLEX, path, Section::Whole).as_deref(), Some(*body));
    }
    let inner = parsed.structure.part_at(&[5, 1]).unwrap().part;
    assert_eq!(text(inner, COMPLEX.as_bytes()).text, "caf\u{e9}");
    assert_eq!(parsed.summary.preview, "First text.");
}
