use message::Parsed;

use super::*;

fn check(message: &str, form: BodyForm, expected: &str) {
    let parsed = Parsed::parse(message.as_bytes());
    let mut out = BytesMut::new();
    push_body(&mut out, parsed.structure.root(), form, Quoting::Ascii);
    assert_eq!(String::from_utf8(out.to_vec()).unwrap(), expected);
}

#[test]
fn plain_text_counts_its_lines() {
    let message = "Subject: x\r\n\r\none\r\ntwo\r\n";
    let body = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2)"#;
    check(message, BodyForm::Body, body);
    let structure = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2 NIL NIL NIL NIL)"#;
    check(message, BodyForm::BodyStructure, structure);
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\r\n\r\n\
     --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Language: de, en\r\n\r\n<p>\r\n\
     --b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\
     Content-Disposition: attachment; filename=\"a b.png\"\r\nContent-ID: <1@x>\r\n\r\nAAAA\r\n--b--\r\n";

#[test]
fn a_multipart_lists_its_parts() {
    check(
        MIXED,
        BodyForm::Body,
        "((\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 3 0)\
         (\"image\" \"png\" NIL \"<1@x>\" NIL \"base64\" 4) \"mixed\")",
    );
    check(
        MIXED,
        BodyForm::BodyStructure,
        "((\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 3 0 NIL NIL (\"de\" \"en\") NIL)\
         (\"image\" \"png\" NIL \"<1@x>\" NIL \"base64\" 4 NIL (\"attachment\" (\"filename\" \"a b.png\")) NIL NIL) \
         \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
    );
}

#[test]
fn a_message_inside_shows_its_own_envelope_and_body() {
    check(
        "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhi\r\n",
        BodyForm::Body,
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 19 \
         (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) \
         (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 1) 3)",
    );
}
