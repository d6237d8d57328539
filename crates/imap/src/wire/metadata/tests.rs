use super::*;
use crate::wire::command::Command;
use crate::wire::parse::parse;
use crate::wire::response::Response;

fn parsed(line: &str) -> Result<Command, String> {
    let frame = Bytes::from(format!("a {line}").into_bytes());
    parse(&frame, Names::ModifiedUtf7).map(|request| request.command).map_err(|bad| bad.to_string())
}

fn get(mailbox: &str, max_size: Option<u32>, depth: Depth, entries: &[&str]) -> Command {
    let entries = entries.iter().map(|&entry| entry.to_owned()).collect();
    Command::GetMetadata(GetMetadata { mailbox: mailbox.to_owned(), max_size, depth, entries })
}

// RFC 5464 §4.2
#[test]
fn getmetadata_takes_its_options_before_and_behind_the_mailbox() {
    let both = ["/shared/comment", "/private/comment"];
    let cases = [
        ("GETMETADATA \"\" /shared/comment", get("", None, Depth::Zero, &both[..1])),
        ("GETMETADATA INBOX (/SHARED/comment /private/Comment)", get("INBOX", None, Depth::Zero, &both)),
        (
            "GETMETADATA \"INBOX\" (MAXSIZE 1024) (/shared/comment /private/comment)",
            get("INBOX", Some(1024), Depth::Zero, &both),
        ),
        (
            "GETMETADATA (depth infinity maxsize 0) x \"/private\"",
            get("x", Some(0), Depth::Infinity, &["/private"]),
        ),
        ("GETMETADATA (DEPTH 1) x (/shared)", get("x", None, Depth::One, &["/shared"])),
    ];
    for (line, expected) in cases {
        assert_eq!(parsed(line), Ok(expected), "{line}");
    }
}

#[test]
fn broken_metadata_commands_say_what_was_due() {
    let cases = [
        ("GETMETADATA x (DEPTH 2) /shared", "a depth is 0, 1 or infinity (at byte 23)"),
        ("GETMETADATA (SPEED 9) x /shared", "there is no such option (at byte 15)"),
        ("SETMETADATA x ()", "expected an atom or a string at byte 17"),
        ("SETMETADATA x (/shared/a)", "expected a space at byte 26"),
        ("SETMETADATA x (/shared/a atom)", "expected a string at byte 27"),
    ];
    for (line, expected) in cases {
        assert_eq!(parsed(line).map_err(|why| why.to_string()), Err(expected.to_owned()), "{line}");
    }
}

#[test]
fn a_value_is_nil_a_string_or_a_literal8() {
    let line =
        "SETMETADATA INBOX (/private/a NIL /private/b \"\" /private/c {2+}\r\nx\n /shared/d ~{2+}\r\n\0y)";
    let value = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(Bytes::copy_from_slice));
    let values = vec![
        value("/private/a", None),
        value("/private/b", Some(b"")),
        value("/private/c", Some(b"x\n")),
        value("/shared/d", Some(b"\0y")),
    ];
    assert_eq!(parsed(line), Ok(Command::SetMetadata(SetMetadata { mailbox: "INBOX".into(), values })));
}

// RFC 5464 §4.2.2
#[test]
fn a_depth_reaches_as_far_as_it_says() {
    let cases = [
        ("/a", [true, true, true]),
        ("/a/b", [false, true, true]),
        ("/a/b/c", [false, false, true]),
        ("/ab", [false, false, false]),
        ("/b", [false, false, false]),
    ];
    for (entry, expected) in cases {
        let reached = [Depth::Zero, Depth::One, Depth::Infinity].map(|depth| depth.reaches("/a", entry));
        assert_eq!(reached, expected, "{entry}");
    }
}

#[test]
fn values_are_written_in_the_form_that_holds_them() {
    let values: [(&str, Option<&[u8]>); 4] = [
        ("/shared/a", None),
        ("/shared/b", Some(b"My \"own\"")),
        ("/shared/(c)", Some(b"x\r\ny")),
        ("/shared/d", Some(b"\0")),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value));
    let changed = ["/shared/comment".to_owned(), "/private/comment".to_owned()];
    let cases = [
        (
            MetadataLine { mailbox: "Entwürfe", content: MetadataContent::Values(&values) },
            "* METADATA Entw&APw-rfe (/shared/a NIL /shared/b \"My \\\"own\\\"\" \"/shared/(c)\" {4}\r\nx\r\ny \
             /shared/d ~{1}\r\n\0)\r\n",
        ),
        (
            MetadataLine { mailbox: "", content: MetadataContent::Changed(&changed) },
            "* METADATA \"\" /shared/comment /private/comment\r\n",
        ),
    ];
    for (line, expected) in cases {
        let mut out = BytesMut::new();
        Response::Metadata(line).encode(&mut out, Names::ModifiedUtf7);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
