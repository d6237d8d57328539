use super::{BOUNDARY_BYTES_MAX, DEPTH_MAX, PARTS_MAX, parse};
use crate::structure::{Content, Node, Structure};

fn outline(node: Node<'_>) -> String {
    let name = [&node.part.media_type[..], b"/", &node.part.subtype[..]].concat();
    let inside: Vec<String> = match node.content() {
        Content::Leaf => return String::from_utf8_lossy(&name).into_owned(),
        Content::Multipart => node.children().map(outline).collect(),
        Content::Message(_, root) => vec![outline(root)],
    };
    format!("{}({})", String::from_utf8_lossy(&name), inside.join(" "))
}

fn bodies(structure: &Structure, raw: &str) -> Vec<String> {
    let leaves = structure.nodes().filter(|node| node.part.is_leaf());
    leaves.map(|node| raw[node.part.body_range()].to_owned()).collect()
}

fn check(raw: &str, expected_outline: &str, expected_bodies: &[&str]) {
    let structure = parse(raw.as_bytes());
    assert_eq!(outline(structure.root()), expected_outline, "{raw:?}");
    assert_eq!(bodies(&structure, raw), expected_bodies, "{raw:?}");
    assert_eq!(Structure::decode(&structure.encode()), Ok(structure));
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";

#[test]
fn the_line_end_before_a_boundary_belongs_to_the_boundary() {
    let two = "multipart/mixed(text/plain text/plain)";
    check(&format!("{MIXED}--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n\r\n--b--\r\n"), two, &["one", "two\r\n"]);
    check("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--", two, &["one", "two"]);
    check(&format!("{MIXED}--b\r\n\r\n--b\r\n\r\n\r\n--b--"), two, &["", ""]);
    check(&format!("{MIXED}--b\r\nX: y\r\n--b\r\nX: y\r\n\r\n--b--"), two, &["", ""]);
    check(&format!("{MIXED}--b \t\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b-- \r\n"), two, &["one", "two"]);
}

#[test]
fn preamble_and_epilogue_are_no_parts() {
    let one = "multipart/mixed(text/plain)";
    check(
        &format!("{MIXED}preamble\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n--b\r\n\r\nno part"),
        one,
        &["one"],
    );
    check(&format!("{MIXED}--b\r\n\r\n--bb\r\n -- b\r\n--b-\r\n--b--"), one, &["--bb\r\n -- b\r\n--b-"]);
}

#[test]
fn a_multipart_without_an_end_ends_with_its_parent() {
    check(&format!("{MIXED}--b\r\n\r\none"), "multipart/mixed(text/plain)", &["one"]);
    let inner =
        "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--";
    let nested = "multipart/mixed(multipart/mixed(text/plain) text/plain)";
    check(&format!("{MIXED}{inner}"), nested, &["one", "two"]);
    // The inner multipart uses the boundary of the outer one.
    let same = inner.replace("=c", "=b").replace("--c", "--b");
    check(
        &format!("{MIXED}{same}"),
        "multipart/mixed(multipart/mixed(text/plain text/plain))",
        &["one", "two"],
    );
}

#[test]
fn a_multipart_without_parts_is_text() {
    check(&format!("{MIXED}nothing here"), "text/plain", &["nothing here"]);
    check(&format!("{MIXED}--b--\r\n"), "text/plain", &["--b--\r\n"]);
    check("Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\none", "text/plain", &["--b\r\n\r\none"]);
    check(
        "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\none",
        "text/plain",
        &["--\r\n\r\none"],
    );
    let long = "x".repeat(BOUNDARY_BYTES_MAX + 1);
    let raw = format!("Content-Type: multipart/mixed; boundary={long}\r\n\r\n--{long}\r\n\r\none");
    assert_eq!(outline(parse(raw.as_bytes()).root()), "text/plain");
}

#[test]
fn types_that_cannot_be_read_are_text() {
    for value in ["", "text", "text/", "/plain", "; x", "multipart"] {
        check(&format!("Content-Type: {value}\r\n\r\nx"), "text/plain", &["x"]);
    }
    let digest = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\none\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b--";
    check(digest, "multipart/digest(message/rfc822(text/plain) text/plain)", &["one", "two"]);
}

#[test]
fn messages_inside_messages_have_headers_of_their_own() {
    let raw = "Content-Type: message/rfc822\r\n\r\nSubject: one\r\nContent-Type: Message/Global\r\n\r\n\
        Subject: two\r\n\r\nbody";
    check(raw, "message/rfc822(Message/Global(text/plain))", &["body"]);
    let structure = parse(raw.as_bytes());
    let Content::Message(envelope, root) = structure.root().content() else { panic!("no message") };
    assert_eq!(envelope.subject, Some(&b"one"[..]));
    let Content::Message(envelope, _) = root.content() else { panic!("no message") };
    assert_eq!(envelope.subject, Some(&b"two"[..]));
}

#[test]
fn lines_are_counted_for_every_part() {
    let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r\n2\r\n--b\r\n\
        Content-Type: message/rfc822\r\n\r\nA: 1\r\n\r\n1\r\n2\r\n3\r\n\r\n--b--\r\n";
    let lines: Vec<u32> = parse(raw.as_bytes()).nodes().map(|node| node.part.lines).collect();
    assert_eq!(lines, [14, 1, 5, 3]);
}

#[test]
fn what_nests_too_deep_is_a_file() {
    let multiparts: String = (0..DEPTH_MAX + 20)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"))
        .collect();
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(DEPTH_MAX + 20);
    for raw in [multiparts, messages] {
        let structure = parse(raw.as_bytes());
        assert_eq!(structure.parts.len(), DEPTH_MAX + 1);
        assert!(structure.parts.last().unwrap().is_type("application", "octet-stream"));
        assert_eq!(Structure::decode(&structure.encode()), Ok(structure));
    }
}

#[test]
fn parts_beyond_the_limit_belong_to_the_last_one() {
    let raw = MIXED.to_owned() + &"--b\r\n\r\nx\r\n".repeat(PARTS_MAX + 20);
    let structure = parse(raw.as_bytes());
    assert_eq!(structure.parts.len(), PARTS_MAX);
    assert_eq!(structure.parts.last().unwrap().end as usize, raw.len());
    assert_eq!(Structure::decode(&structure.encode()), Ok(structure));
}

#[test]
fn the_mime_fields_of_a_part_are_read() {
    let raw = "Content-Type: image/png; name=\"a.png\"\r\nContent-ID: <i@x>\r\nContent-Description: a\r\n picture\r\n\
        Content-Transfer-Encoding: BASE64 (yes)\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n\
        Content-Disposition: attachment; filename*=utf-8''%C3%A9.png\r\nContent-Language: de, en-GB\r\n\
        Content-Location: http://example.org/a.png\r\nContent-ID: <second@x>\r\n\r\n";
    let structure = parse(raw.as_bytes());
    let part = structure.root().part;
    assert!(part.is_type("image", "PNG"));
    assert_eq!(part.id.as_deref(), Some(&b"<i@x>"[..]));
    assert_eq!(part.description.as_deref(), Some(&b"a picture"[..]));
    assert_eq!(part.encoding, b"BASE64");
    assert_eq!(part.md5.as_deref(), Some(&b"Q2hlY2sgSW50ZWdyaXR5IQ=="[..]));
    assert!(part.is_disposition("Attachment"));
    assert_eq!(part.file_name().as_deref(), Some("\u{e9}.png"));
    assert_eq!(part.language, [&b"de"[..], b"en-GB"]);
    assert_eq!(part.location.as_deref(), Some(&b"http://example.org/a.png"[..]));
}
