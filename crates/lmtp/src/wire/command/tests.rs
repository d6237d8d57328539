use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

fn path<'a>(local_part: &'a str, domain: &'a str) -> Path<'a> {
    Path { local_part: Cow::Borrowed(local_part), domain: Some(domain) }
}

fn plain<'a>(reverse_path: Option<Path<'a>>) -> Mail<'a> {
    Mail { reverse_path, size: None, body: None, smtputf8: false }
}

#[test]
fn commands_are_read_in_any_case() {
    let alice = || path("alice", "example.org");
    for (line, expected) in [
        ("LHLO mx.example.net", Command::Lhlo("mx.example.net")),
        ("lhlo [192.0.2.1]", Command::Lhlo("[192.0.2.1]")),
        ("EHLO x", Command::Helo),
        ("HELO", Command::Helo),
        ("MAIL FROM:<alice@example.org>", Command::Mail(plain(Some(alice())))),
        ("mail from:<>", Command::Mail(plain(None))),
        ("MAIL FROM: <alice@example.org>  ", Command::Mail(plain(Some(alice())))),
        (
            "MAIL FROM:<alice@example.org> SIZE=1024 body=8bitmime SMTPUTF8",
            Command::Mail(Mail {
                reverse_path: Some(alice()),
                size: Some(1024),
                body: Some(BodyType::Lines),
                smtputf8: true,
            }),
        ),
        (
            "MAIL FROM:<>  BODY=BINARYMIME",
            Command::Mail(Mail { body: Some(BodyType::Binary), ..plain(None) }),
        ),
        (
            "MAIL FROM:<> BODY=7BIT size=18446744073709551615",
            Command::Mail(Mail { body: Some(BodyType::Lines), size: Some(u64::MAX), ..plain(None) }),
        ),
        ("RCPT TO:<alice@example.org>", Command::Rcpt(alice())),
        ("rcpt to: <alice@example.org>", Command::Rcpt(alice())),
        ("RCPT TO:<alice>", Command::Rcpt(Path { local_part: "alice".into(), domain: None })),
        ("DATA", Command::Data),
        ("data \t", Command::Data),
        ("BDAT 0 LAST", Command::Bdat { size: 0, last: true }),
        ("bdat 1000", Command::Bdat { size: 1000, last: false }),
        ("BDAT 18446744073709551615 last", Command::Bdat { size: u64::MAX, last: true }),
        ("RSET", Command::Rset),
        ("NOOP", Command::Noop),
        ("NOOP anything at all", Command::Noop),
        ("QUIT", Command::Quit),
        ("VRFY alice", Command::Vrfy),
        ("EXPN list", Command::Expn),
        ("HELP", Command::Help),
        ("HELP MAIL", Command::Help),
        ("StartTLS", Command::StartTls),
    ] {
        assert_eq!(parse(line.as_bytes()), Ok(expected), "{line}");
    }
}

#[test]
fn what_is_wrong_with_a_line_is_told() {
    use SyntaxError::{
        Arguments, ChunkSize, ForwardPath, Octets, Parameter, ReversePath, UnknownCommand, UnknownParameter,
    };
    for (line, expected) in [
        (&b""[..], UnknownCommand),
        (b"   ", UnknownCommand),
        (b"GET / HTTP/1.1", UnknownCommand),
        (b"MAILFROM:<a>", UnknownCommand),
        (b" NOOP", UnknownCommand),
        (b"NOOP \0", Octets),
        (b"NO\rOP", Octets),
        (b"RCPT\tTO:<a>", Octets),
        (b"RCPT TO:<\xff>", Octets),
        (b"LHLO", Arguments("LHLO domain")),
        (b"LHLO a b", Arguments("LHLO domain")),
        (b"LHLO (comment)", Arguments("LHLO domain")),
        (b"LHLO b\xc3\xbccher.example", Arguments("LHLO domain")),
        (b"MAIL", Arguments("MAIL FROM:<address>")),
        (b"MAIL TO:<a>", Arguments("MAIL FROM:<address>")),
        (b"MAIL FROM:a@b", ReversePath),
        (b"MAIL FROM:", ReversePath),
        (b"MAIL FROM:<a@b>SIZE=1", ReversePath),
        (b"MAIL FROM:<a> SIZE", Parameter("SIZE")),
        (b"MAIL FROM:<a> SIZE=", Parameter("SIZE")),
        (b"MAIL FROM:<a> SIZE=-1", Parameter("SIZE")),
        (b"MAIL FROM:<a> SIZE=+1", Parameter("SIZE")),
        (b"MAIL FROM:<a> SIZE=18446744073709551616", Parameter("SIZE")),
        (b"MAIL FROM:<a> SIZE=1 SIZE=1", Parameter("SIZE")),
        (b"MAIL FROM:<a> BODY=9BIT", Parameter("BODY")),
        (b"MAIL FROM:<a> BODY=7BIT BODY=7BIT", Parameter("BODY")),
        (b"MAIL FROM:<a> SMTPUTF8=1", Parameter("SMTPUTF8")),
        (b"MAIL FROM:<a> SMTPUTF8 SMTPUTF8", Parameter("SMTPUTF8")),
        (b"MAIL FROM:<a> RET=FULL", UnknownParameter),
        (b"MAIL FROM:<a> ENVID=x", UnknownParameter),
        (b"MAIL FROM:<a> AUTH=<>", UnknownParameter),
        (b"MAIL FROM:<a> =x", UnknownParameter),
        (b"RCPT TO:<>", ForwardPath),
        (b"RCPT TO:<a", ForwardPath),
        (b"RCPT TO:<a>x", ForwardPath),
        (b"RCPT FROM:<a>", Arguments("RCPT TO:<address>")),
        (b"RCPT TO:<a> NOTIFY=NEVER", UnknownParameter),
        (b"DATA now", Arguments("DATA")),
        (b"RSET now", Arguments("RSET")),
        (b"QUIT now", Arguments("QUIT")),
        (b"STARTTLS now", Arguments("STARTTLS")),
        (b"VRFY", Arguments("VRFY address")),
        (b"EXPN", Arguments("EXPN list")),
        (b"BDAT", ChunkSize),
        (b"BDAT x", ChunkSize),
        (b"BDAT 1 FIRST", ChunkSize),
        (b"BDAT 18446744073709551616", ChunkSize),
        (b"BDAT 000000000000000000001", ChunkSize),
    ] {
        assert_eq!(parse(line), Err(expected), "{}", line.escape_ascii());
    }
}

/// The address as `smtp-proto` reads it: a parser that others wrote.
fn oracle(line: &str) -> Option<String> {
    let line = format!("{line}\r\n");
    match smtp_proto::Request::parse(&mut line.as_bytes().iter()).ok()? {
        smtp_proto::Request::Mail { from } => Some(from.address.into_owned()),
        smtp_proto::Request::Rcpt { to } => Some(to.address.into_owned()),
        _ => None,
    }
}

proptest! {
    #[test]
    fn ordinary_addresses_are_read_as_another_parser_reads_them(
        local_part in "[a-z0-9+_=/-]{1,20}(\\.[a-z0-9]{1,9}){0,3}",
        domain in "[a-z0-9]{1,9}(\\.[a-z]{2,9}){1,3}",
        size in 0_u32..,
    ) {
        let mail = format!("MAIL FROM:<{local_part}@{domain}> SIZE={size} BODY=8BITMIME");
        let rcpt = format!("RCPT TO:<{local_part}@{domain}>");
        prop_assert_eq!(oracle(&mail), Some(format!("{local_part}@{domain}")));
        prop_assert_eq!(oracle(&rcpt), Some(format!("{local_part}@{domain}")));
        let expected = Mail {
            size: Some(u64::from(size)),
            body: Some(BodyType::Lines),
            ..plain(Some(path(&local_part, &domain)))
        };
        prop_assert_eq!(parse(mail.as_bytes()), Ok(Command::Mail(expected)));
        prop_assert_eq!(parse(rcpt.as_bytes()), Ok(Command::Rcpt(path(&local_part, &domain))));
    }

    #[test]
    fn any_line_has_an_answer(line in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse(&line);
        let _ = parse(&[b"MAIL FROM:<", &line[..]].concat());
        let _ = parse(&[b"BDAT ", &line[..]].concat());
    }
}
