use std::sync::Arc;

use super::*;

fn written(reply: &Reply) -> String {
    let mut output = Vec::new();
    reply.write(&mut output);
    String::from_utf8(output).unwrap()
}

#[test]
fn every_line_has_the_code_and_all_but_the_last_a_hyphen() {
    let reply = Reply::extensions("host.example", vec!["PIPELINING".into(), "SIZE 1".into()]);
    assert_eq!(written(&reply), "250-host.example\r\n250-PIPELINING\r\n250 SIZE 1\r\n");
    assert_eq!(written(&Reply::ok()), "250 2.0.0 ok\r\n");
    assert_eq!(written(&Reply::greeting("h")), "220 h LMTP Mailbell ready\r\n");
}

#[test]
fn what_passes_is_answered_4yz_and_what_does_not_5yz() {
    use delivery::Error;
    let store = |error| Arc::new(error);
    for (error, start) in [
        (Error::UnknownRecipient, "550 5.1.1 "),
        (Error::OverQuota, "452 4.2.2 "),
        (Error::LargerThanQuota, "552 5.2.3 "),
        (Error::Loop { received: 101 }, "554 5.4.6 "),
        (Error::Refused(store(store::Error::Limit("messages"))), "554 5.2.0 "),
        (Error::Unavailable(store(store::Error::Unavailable("disk full".into()))), "451 4.3.0 "),
        (Error::Store(store(store::Error::Bug("secret detail".into()))), "451 4.3.0 "),
        (Error::NoOutcome, "451 4.3.0 "),
    ] {
        let reply = written(&Reply::delivery_error(&error));
        assert!(reply.starts_with(start), "{error:?}: {reply}");
        assert!(!reply.contains("secret") && !reply.contains("disk"), "nothing internal is told: {reply}");
    }
}

#[test]
fn the_class_of_the_enhanced_code_is_that_of_the_code() {
    let syntax = [
        SyntaxError::Octets,
        SyntaxError::UnknownCommand,
        SyntaxError::Arguments("X"),
        SyntaxError::ReversePath,
        SyntaxError::ForwardPath,
        SyntaxError::UnknownParameter,
        SyntaxError::Parameter("X"),
        SyntaxError::ChunkSize,
    ];
    let mut replies: Vec<Reply> = syntax.into_iter().map(Reply::syntax_error).collect();
    assert!(replies.iter().all(Reply::is_protocol_error));
    replies.extend([LineError::TooLong, LineError::BareLf].map(Reply::line_error));
    replies.extend([ContentError::TooLarge, ContentError::OutOfBudget].map(Reply::content_error));
    replies.extend([
        Reply::start_tls(),
        Reply::ok(),
        Reply::sender_ok(),
        Reply::recipient_ok(),
        Reply::chunk_ok(7),
        Reply::bye(),
        Reply::cannot_verify(),
        Reply::help(),
        Reply::not_implemented(),
        Reply::not_smtp(),
        Reply::out_of_order("x"),
        Reply::needs_smtputf8(),
        Reply::too_large(1),
        Reply::too_many_recipients(),
        Reply::pipelined_start_tls(),
        Reply::too_many_errors(),
        Reply::timeout(),
        Reply::too_many_connections(),
        Reply::shutting_down(),
    ]);
    for reply in replies {
        let text = written(&reply);
        let enhanced = text.split(' ').nth(1).unwrap();
        assert_eq!(enhanced.as_bytes()[0], text.as_bytes()[0], "{text}");
        assert_eq!(enhanced.split('.').count(), 3, "{text}");
        // RFC 5321 §4.5.3.1.5
        assert!(text.len() <= 512 && text.is_ascii(), "{text}");
    }
}
