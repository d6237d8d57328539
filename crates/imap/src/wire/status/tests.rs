use super::*;
use crate::wire::parse::tag_of;
use crate::wire::response::ObjectKind;

#[test]
fn status_responses_carry_codes_and_stay_on_one_line() {
    let tag = tag_of(b"a1 ").unwrap();
    let text = |status: Status| {
        let mut out = BytesMut::new();
        status.encode(&mut out, Some(&tag));
        String::from_utf8(out.to_vec()).unwrap()
    };
    let set = |from: u32| NumberSet::from_sorted([from]);
    let mailbox_id = |owner| ObjectId { kind: ObjectKind::Mailbox, number: 3, owner };
    let cases = [
        (Code::AppendUid { uid_validity: 38, uids: set(3) }, "APPENDUID 38 3"),
        (Code::CopyUid { uid_validity: 38, from: set(304), to: set(3956) }, "COPYUID 38 304 3956"),
        (Code::PermanentFlags(vec!["\\Seen".to_owned(), "\\*".to_owned()]), r"PERMANENTFLAGS (\Seen \*)"),
        (Code::HighestModSeq(715_194_045_007), "HIGHESTMODSEQ 715194045007"),
        (Code::Modified(set(7)), "MODIFIED 7"),
        (Code::MailboxId(mailbox_id(None)), "MAILBOXID (F3)"),
        (Code::MailboxId(mailbox_id(Some(7))), "MAILBOXID (F3-7)"),
        (Code::MessageLimit { limit: 1000, lowest: Some(23_221) }, "MESSAGELIMIT 1000 23221"),
        (Code::MessageLimit { limit: 1000, lowest: None }, "MESSAGELIMIT 1000"),
        (Code::BadUrl("/a]\" /;UID=1".to_owned()), "BADURL \"/a%5D%22%20/;UID=1\""),
        (Code::NoUpdate(tag_of(b"B02 ").unwrap()), "NOUPDATE \"B02\""),
        (Code::ReadWrite, "READ-WRITE"),
        (Code::Capability(vec!["IMAP4rev1".into(), "IDLE".into()]), "CAPABILITY IMAP4rev1 IDLE"),
        (Code::BadCharset, "BADCHARSET (US-ASCII UTF-8)"),
    ];
    for (code, expected) in cases {
        assert_eq!(text(Status::ok("Done").with(code)), format!("a1 OK [{expected}] Done\r\n"));
    }
    assert_eq!(text(Status::no("a\r\nb2 OK\0")), "a1 NO a  b2 OK \r\n");
}
