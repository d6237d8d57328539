use proptest::prelude::*;

use super::*;
use crate::wire::append::{AppendContent, AppendForm, CatPart};
use crate::wire::list::{ListForm, ListReturn, ListSelect, StatusItem};

fn parsed(line: &str) -> Result<Command, String> {
    let frame = Bytes::copy_from_slice(format!("A1 {line}").as_bytes());
    parse(&frame, Names::ModifiedUtf7).map(|request| request.command).map_err(|bad| bad.to_string())
}

#[test]
fn every_command_is_known_by_its_name() {
    let lines = [
        "CAPABILITY",
        "NOOP",
        "LOGOUT",
        "ID NIL",
        "STARTTLS",
        "AUTHENTICATE PLAIN",
        "LOGIN a b",
        "COMPRESS DEFLATE",
        "ENABLE CONDSTORE",
        "SELECT INBOX",
        "EXAMINE INBOX",
        "CREATE x",
        "DELETE x",
        "RENAME x y",
        "SUBSCRIBE x",
        "UNSUBSCRIBE x",
        "LIST \"\" *",
        "LSUB \"\" *",
        "NAMESPACE",
        "STATUS x (MESSAGES)",
        "APPEND x {1+}\r\na",
        "SETACL x bob lr",
        "DELETEACL x bob",
        "GETACL x",
        "LISTRIGHTS x bob",
        "MYRIGHTS x",
        "GETMETADATA x /shared",
        "SETMETADATA x (/shared/a NIL)",
        "GETQUOTA \"\"",
        "GETQUOTAROOT x",
        "REPLACE 1 x {1+}\r\na",
        "UID REPLACE * x {1+}\r\na",
        "IDLE",
        "CHECK",
        "CLOSE",
        "UNSELECT",
        "EXPUNGE",
        "UID EXPUNGE 1",
        "SEARCH ALL",
        "UID SEARCH ALL",
        "FETCH 1 UID",
        "UID FETCH 1 UID",
        "STORE 1 FLAGS ()",
        "UID STORE 1 FLAGS ()",
        "COPY 1 x",
        "UID COPY 1 x",
        "MOVE 1 x",
        "UID MOVE 1 x",
        "GETVAPID",
        "WEBPUSH x NIL",
        "ACKWEBPUSH x",
        "LWEBPUSH *",
        "SILWEBPUSH x 1",
    ];
    for line in lines {
        let command = parsed(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(line.starts_with(command.name()), "{line} is not {}", command.name());
        assert_eq!(parsed(&line.to_ascii_lowercase()).map(|c| c.name()), Ok(command.name()));
    }
}

#[test]
fn broken_commands_say_what_was_due() {
    let cases = [
        ("", "expected a command at byte 3"),
        ("FOO", "there is no such command (at byte 3)"),
        ("NOOP x", "expected the end of the command at byte 7"),
        ("LOGIN a", "expected a space at byte 10"),
        ("LOGIN a b c", "expected the end of the command at byte 12"),
        ("SELECT", "expected a space at byte 9"),
        ("SELECT \"\"", "the mailbox name is empty (at byte 10)"),
        ("SELECT x (QUICK)", "there is no such parameter (at byte 13)"),
        ("UID NOOP 1", "there is no such command after UID (at byte 7)"),
        ("STORE 1 FLAGS", "expected a space at byte 16"),
        ("STORE 1 LABELS (x)", "expected FLAGS or FLAGS.SILENT at byte 11"),
        (r"STORE 1 FLAGS (\Foo)", "there is no such system flag (at byte 19)"),
        ("STATUS x ()", "expected a status item at byte 13"),
        (
            "LIST (RECURSIVEMATCH) \"\" *",
            "RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it (at byte 8)",
        ),
        ("ENABLE", "expected a space at byte 9"),
        ("ID (\"a\")", "expected a space at byte 10"),
        ("APPEND x \"not a date\" {1+}\r\na", "expected a number at byte 13"),
        ("APPEND x y", "expected the message as a literal at byte 12"),
    ];
    for (line, expected) in cases {
        assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
    }
}

#[test]
fn the_tag_is_known_whenever_it_can_be() {
    let tag = |line: &'static str| {
        match parse(&Bytes::from_static(line.as_bytes()), Names::ModifiedUtf7) {
            Ok(request) => Some(request.tag),
            Err(bad) => bad.tag,
        }
        .map(|tag| String::from_utf8_lossy(tag.as_bytes()).into_owned())
    };
    assert_eq!(tag("a.1] NOOP").as_deref(), Some("a.1]"));
    assert_eq!(tag("a.1"), Some("a.1".to_owned()));
    for line in ["", " NOOP", "a+ NOOP", "* NOOP", "(a NOOP"] {
        assert_eq!(tag(line), None, "{line}");
    }
}

#[test]
fn list_is_read_in_both_forms() {
    let list = |line: &str| match parsed(line) {
        Ok(Command::List(list)) => list,
        other => panic!("{line}: {other:?}"),
    };
    let basic = list("LIST \"\" %");
    assert_eq!((basic.form, basic.patterns), (ListForm::Basic, vec!["%".to_owned()]));
    assert_eq!(list("LIST \"\" \"\"").patterns, [""]);
    assert_eq!(list("LIST x Entw&APw-rfe*").patterns, ["Entwürfe*"]);
    let extended = list(
        "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (a% \"b*\") RETURN (CHILDREN SPECIAL-USE SUBSCRIBED STATUS (MESSAGES SIZE))",
    );
    assert_eq!(extended.form, ListForm::Extended);
    assert_eq!(extended.select, [ListSelect::Subscribed, ListSelect::RecursiveMatch]);
    assert_eq!(extended.patterns, ["a%", "b*"]);
    let status = ListReturn::Status(vec![StatusItem::Messages, StatusItem::Size]);
    assert_eq!(
        extended.returns,
        [ListReturn::Children, ListReturn::SpecialUse, ListReturn::Subscribed, status]
    );
    assert_eq!(list("LIST () \"\" * RETURN ()").form, ListForm::Extended);
}

#[test]
fn append_is_read_in_all_its_forms() {
    let append = |line: &str| match parsed(line) {
        Ok(Command::Append(append)) => append.messages,
        other => panic!("{line}: {other:?}"),
    };
    let one = |line: &str| append(line).remove(0);
    let full = one("APPEND x (\\Seen $A \\Recent) \"01-Jan-1970 00:00:01 +0000\" {4}\r\na\r\nb");
    assert_eq!(
        full.flags,
        [crate::wire::flag::Flag::Seen, crate::wire::flag::Flag::Keyword("$A".to_owned())]
    );
    let message = |bytes: &'static [u8], form| AppendContent::Message(Bytes::from_static(bytes), form);
    assert_eq!((full.internal_date, full.content), (Some(1), message(b"a\r\nb", AppendForm::Literal)));
    assert_eq!(one("APPEND x ~{3+}\r\na\0b").content, message(b"a\0b", AppendForm::Literal8));
    assert_eq!(one("APPEND x UTF8 (~{1}\r\na)").content, message(b"a", AppendForm::Utf8));
    let several = append("APPEND x {1}\r\na () {1+}\r\nb UTF8 (~{1}\r\nc) (\\Seen) ~{1}\r\nd");
    let contents: Vec<AppendContent> = several.into_iter().map(|message| message.content).collect();
    let expected = [
        message(b"a", AppendForm::Literal),
        message(b"b", AppendForm::Literal),
        message(b"c", AppendForm::Utf8),
        message(b"d", AppendForm::Literal8),
    ];
    assert_eq!(contents, expected);
    let text = |bytes: &'static [u8]| CatPart::Text(Bytes::from_static(bytes), AppendForm::Literal);
    let url = CatPart::Url("/x/;UID=1".to_owned());
    assert_eq!(
        one("APPEND x (\\Seen) CATENATE (TEXT {1}\r\na URL /x/;UID=1 TEXT {1+}\r\nb)").content,
        AppendContent::Catenate(vec![text(b"a"), url, text(b"b")])
    );
    assert!(parsed("APPEND x CATENATE ()").is_err() && parsed("APPEND x CATENATE (URL)").is_err());
    assert!(parsed("APPEND x {1}\r\na ").is_err() && parsed("APPEND x {1}\r\na(").is_err());
}

#[test]
fn store_is_read_in_all_its_forms() {
    let store = |line: &str| match parsed(line) {
        Ok(Command::Store(store)) => store,
        other => panic!("{line}: {other:?}"),
    };
    let full = store(r"STORE 1:3 (UNCHANGEDSINCE 7) -FLAGS.SILENT (\Deleted foo)");
    assert_eq!(full.unchanged_since, Some(7));
    assert_eq!(
        (full.operation, full.answer, full.flags.len()),
        (StoreOperation::Remove, StoreAnswer::Silent, 2)
    );
    let bare = store(r"STORE 1 +flags \Seen \Draft");
    assert_eq!((bare.operation, bare.answer, bare.flags.len()), (StoreOperation::Add, StoreAnswer::Flags, 2));
    assert_eq!(store("STORE 1 FLAGS ()").operation, StoreOperation::Replace);
}

#[test]
fn create_takes_special_uses() {
    let Ok(Command::Create(create)) = parsed(r"CREATE x (USE (\Drafts \sent))") else { panic!() };
    assert_eq!(create.special_use, [r"\Drafts", r"\sent"]);
    assert!(parsed("CREATE x ()").is_err());
}

#[test]
fn a_password_does_not_print() {
    let printed = format!("{:?} {:?}", parsed("LOGIN me hunter2"), parsed("AUTHENTICATE PLAIN aHVudGVyMg=="));
    assert!(!printed.contains("hunter2") && !printed.contains("aHVudGVyMg"), "{printed}");
}

/// Commands put together from words that the grammar knows, so that parsers are reached far inside.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "A1 ",
        "UID ",
        "FETCH ",
        "SEARCH ",
        "STORE ",
        "LIST ",
        "APPEND ",
        "STATUS ",
        "SELECT ",
        "CREATE ",
        "ENABLE ",
        "ID ",
        "LOGIN ",
        "WEBPUSH ",
        "SILWEBPUSH ",
        "RETURN ",
        "1:*",
        "1,2",
        " ",
        "(",
        ")",
        "[",
        "]",
        "<0.1>",
        "BODY",
        "BODY[",
        "HEADER.FIELDS ",
        "BINARY[1.2]",
        "FLAGS",
        ".SILENT",
        "+",
        "-",
        "\\Seen",
        "\"",
        "\"a\"",
        "{3}\r\nabc",
        "~{2+}\r\n\0\0",
        "{9}\r\nx",
        "NOT ",
        "OR ",
        "(((((",
        "BEFORE ",
        "1-Feb-1994",
        "CHARSET ",
        "NIL",
        "INBOX",
        "&",
        "&AOQ-",
        "*",
        "%",
        "\"01-Jan-1970 00:00:00 +0000\"",
        "CHANGEDSINCE ",
        "99999999999999999999",
        "UTF8 (",
    ];
    let piece = prop_oneof![
        9 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| [b"A1 ".as_slice(), &pieces.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_input_panics(line in lines()) {
        let frame = Bytes::from(line);
        let _ = parse(&frame, Names::ModifiedUtf7);
        let _ = parse(&frame, Names::Utf8);
    }
}
