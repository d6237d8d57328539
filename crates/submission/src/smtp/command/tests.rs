use super::*;

fn address(email: &str, parameters: &[(&str, Option<&str>)]) -> EnvelopeAddress {
    let owned = |text: &str| text.to_owned();
    let parameters = parameters.iter().map(|(name, value)| (owned(name), value.map(owned))).collect();
    EnvelopeAddress { email: email.to_owned(), parameters: Some(parameters) }
}

#[test]
fn mail_says_what_the_server_can_use() {
    let all = Extensions {
        eight_bit_mime: true,
        smtputf8: true,
        dsn: true,
        size: Some(0),
        ..Extensions::default()
    };
    let none = Extensions::default();
    let given = [("RET", Some("HDRS")), ("HOLDFOR", Some("60")), ("ENVID", Some("theirs"))];
    let needs = Needs { eight_bit: true, utf8: true, size: 12 };
    for (email, parameters, needs, extensions, expected) in [
        (
            "a@b.test",
            &given[..],
            needs,
            &all,
            "MAIL FROM:<a@b.test> SIZE=12 BODY=8BITMIME SMTPUTF8 ENVID=x+2By RET=HDRS",
        ),
        ("a@b.test", &given, Needs::default(), &none, "MAIL FROM:<a@b.test>"),
        ("", &[], Needs { size: 3, ..Needs::default() }, &all, "MAIL FROM:<> SIZE=3 ENVID=x+2By"),
    ] {
        let command = mail(&address(email, parameters), (needs, "x+y"), extensions);
        assert_eq!(command.as_deref(), Ok(expected));
    }
}

#[test]
fn rcpt_carries_what_reports_are_wanted() {
    let dsn = Extensions { dsn: true, ..Extensions::default() };
    let wanted = [("notify", Some("SUCCESS,FAILURE")), ("ORCPT", Some("rfc822;a+b c@d"))];
    let command = rcpt(&address("a@b.test", &wanted), &dsn);
    assert_eq!(command.as_deref(), Ok("RCPT TO:<a@b.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb+20c@d"));
    assert_eq!(
        rcpt(&address("a@b.test", &wanted), &Extensions::default()).as_deref(),
        Ok("RCPT TO:<a@b.test>")
    );
}

#[test]
fn nothing_ends_the_command_early() {
    let dsn = Extensions { dsn: true, ..Extensions::default() };
    for (email, parameters) in [
        ("a@b.test>\r\nDATA", &[][..]),
        ("a@b.test> SIZE=1", &[]),
        ("a b@c.test", &[]),
        ("a\u{0}@b.test", &[]),
        ("a@b.test", &[("NOTIFY", Some("NEVER\r\nDATA"))]),
        ("a@b.test", &[("NOTIFY", Some("NEVER RET=FULL"))]),
        ("a@b.test", &[("ORCPT", Some("no type"))]),
    ] {
        assert!(rcpt(&address(email, parameters), &dsn).is_err(), "{email:?} {parameters:?}");
    }
}
