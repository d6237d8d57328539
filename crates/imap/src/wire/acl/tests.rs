use bytes::Bytes;

use super::*;
use crate::wire::command::Command;
use crate::wire::parse::parse;
use crate::wire::response::Response;

fn parsed(line: &str) -> Result<Command, String> {
    let frame = Bytes::from(format!("a {line}").into_bytes());
    parse(&frame, Names::ModifiedUtf7).map(|request| request.command).map_err(|bad| bad.to_string())
}

// RFC 4314 §3.1
#[test]
fn setacl_replaces_adds_and_removes() {
    let cases = [
        ("SETACL INBOX/Drafts David lrswida", Change::Replace, "David", "lrswida"),
        ("SETACL INBOX/Drafts Chris +cda", Change::Add, "Chris", "cda"),
        ("SETACL INBOX/Drafts -Fred \"-w\"", Change::Remove, "-Fred", "w"),
        ("SETACL INBOX/Drafts anyone \"\"", Change::Replace, "anyone", ""),
    ];
    for (line, change, identifier, rights) in cases {
        let mailbox = "INBOX/Drafts".to_owned();
        let expected = SetAcl { mailbox, identifier: identifier.into(), change, rights: rights.into() };
        assert_eq!(parsed(line), Ok(Command::SetAcl(expected)), "{line}");
    }
}

#[test]
fn rights_and_identifiers_that_can_not_be_are_bad() {
    let long = format!("SETACL x {} l", "y".repeat(IDENTIFIER_BYTES_MAX + 1));
    let cases = [
        ("SETACL x John lrQswicda", "there is no such right (at byte 16)"),
        ("SETACL x John lrqswicda", "there is no such right (at byte 16)"),
        ("SETACL x John +0", "there is no such right (at byte 16)"),
        ("SETACL x \"\" l", "there can be no such identifier (at byte 11)"),
        ("SETACL x - l", "there can be no such identifier (at byte 11)"),
        ("SETACL x John", "expected a space at byte 15"),
        ("DELETEACL x", "expected a space at byte 13"),
        ("MYRIGHTS x y", "expected the end of the command at byte 12"),
        (&long, "there can be no such identifier (at byte 11)"),
    ];
    for (line, expected) in cases {
        assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
    }
}

// RFC 4314 §3.6 to §3.8
#[test]
fn responses_are_written_as_the_rfc_has_them() {
    let entry = |name: &str, rights: &str| (name.to_owned(), rights.to_owned());
    let entries = [entry("Fred", "rwipslda"), entry("-Fred", "wetd"), entry("a b", "")];
    let rights = ListRightsLine {
        mailbox: "~/Mail/saved",
        identifier: "smith",
        required: "",
        optional: &["l", "r", "s"],
    };
    let cases = [
        (
            Response::Acl { mailbox: "INBOX", entries: &entries },
            "* ACL INBOX Fred rwipslda -Fred wetd \"a b\" \"\"\r\n",
        ),
        (Response::ListRights(rights), "* LISTRIGHTS ~/Mail/saved smith \"\" l r s\r\n"),
        (Response::MyRights { mailbox: "INBOX", rights: "lr" }, "* MYRIGHTS INBOX lr\r\n"),
    ];
    for (response, expected) in cases {
        let mut out = BytesMut::new();
        response.encode(&mut out, Names::ModifiedUtf7);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
