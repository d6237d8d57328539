use super::*;

const DATE: &str = "Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n";

fn read(header: &str) -> Result<Written, SetError> {
    Written::read(format!("{DATE}{header}\r\nHello\r\n").as_bytes())
}

#[test]
fn writers_and_readers_are_found() {
    let header = "From: Ann <ann@a.test>\r\nTo: b@a.test, Group: c@a.test, \"d e\"@a.test;\r\nCc: b@a.test\r\n\
                  Bcc: f@a.test\r\nMessage-ID: <1@a.test>\r\n";
    let written = read(header).unwrap();
    assert_eq!(written.from, ["ann@a.test"]);
    assert_eq!(written.sender, [""; 0]);
    assert_eq!(written.recipients, ["b@a.test", "c@a.test", "\"d e\"@a.test", "b@a.test", "f@a.test"]);
    assert_eq!(written.message_id, "1@a.test");
    let two = read("From: a@a.test, b@a.test\r\nSender: b@a.test\r\n").unwrap();
    assert_eq!((two.from.len(), two.sender), (2, vec!["b@a.test".to_owned()]));
}

#[test]
fn a_header_that_may_not_be_sent_is_named_in_all_that_is_wrong() {
    for (header, wrong) in [
        ("To: b@a.test\r\n", json!(["from"])),
        ("From: \r\n", json!(["from"])),
        ("From: nobody\r\n", json!(["from"])),
        ("From: a@a.test\r\nFrom: a@a.test\r\nSubject: 1\r\nSubject: 2\r\n", json!(["from", "subject"])),
        ("From: a@a.test, b@a.test\r\n", json!(["sender"])),
        ("From: a@a.test\r\nSender: x\r\n", json!(["sender"])),
        ("From: a@a.test\r\nSender: a@a.test, b@a.test\r\n", json!(["sender"])),
        ("From: a@a.test\r\nDate: x\r\n", json!(["sentAt"])),
    ] {
        let error = read(header).unwrap_err().value();
        assert_eq!((&error["type"], &error["properties"]), (&json!("invalidEmail"), &wrong), "{header:?}");
    }
    let undated = Written::read(b"From: a@a.test\r\n\r\nHello\r\n").unwrap_err().value();
    assert_eq!(undated["properties"], json!(["sentAt"]));
}
