use bytes::Bytes;

use super::*;
use crate::wire::cursor::Cursor;
use crate::wire::encode::fetch_line::{FetchForm, FetchLine};
use crate::wire::esearch::{ESearchItem, Placed, SearchedMailbox};
use crate::wire::parse::tag_of;
use crate::wire::partial::PartialRange;

fn line(response: &Response<'_>, names: Names) -> String {
    let mut out = BytesMut::new();
    response.encode(&mut out, names);
    String::from_utf8(out.to_vec()).unwrap()
}

fn check(response: Response<'_>, expected: &str) {
    assert_eq!(line(&response, Names::ModifiedUtf7), format!("* {expected}\r\n"));
}

#[test]
fn mailbox_responses_have_their_form() {
    let list = |attributes, name, child_info, old_name| {
        Response::List(ListLine { attributes, name, child_info, old_name })
    };
    check(list(&["\\Noselect"], "Entwürfe", &[], None), r#"LIST (\Noselect) "/" Entw&APw-rfe"#);
    // RFC 5258 §5, example 9, and RFC 9051 §6.3.9.7.
    check(list(&[], "Foo", &["SUBSCRIBED"], None), r#"LIST () "/" Foo ("CHILDINFO" ("SUBSCRIBED"))"#);
    check(
        list(&[], "NewMailbox", &[], Some("Old Mailbox")),
        r#"LIST () "/" NewMailbox ("OLDNAME" ("Old Mailbox"))"#,
    );
    let values = [(StatusItem::Messages, 231), (StatusItem::UidNext, 44292), (StatusItem::MailboxId, 7)];
    check(
        Response::StatusOf(StatusLine { name: "blurdybloop", values: &values, owner: None }),
        "STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 MAILBOXID (F7))",
    );
    check(Response::Namespace, r#"NAMESPACE (("" "/")) (("Other Users/" "/")) NIL"#);
}

#[test]
fn message_responses_have_their_form() {
    check(Response::Exists(23), "23 EXISTS");
    check(Response::Expunge(44), "44 EXPUNGE");
    check(Response::Vanished(&NumberSet::from_sorted([405, 407, 410, 411])), "VANISHED 405,407,410:411");
    check(Response::Flags(&["\\Seen".to_owned(), "foo".to_owned()]), r"FLAGS (\Seen foo)");
    check(Response::Search { numbers: &[2, 84], modseq: None }, "SEARCH 2 84");
    check(Response::Search { numbers: &[2], modseq: Some(917_162_500) }, "SEARCH 2 (MODSEQ 917162500)");
    check(Response::Search { numbers: &[], modseq: None }, "SEARCH");
    check(Response::Sort { numbers: &[84, 2], modseq: Some(9) }, "SORT 84 2 (MODSEQ 9)");
}

#[test]
fn esearch_tells_what_it_is_given_in_that_order() {
    let tag = tag_of(b"A285 ").unwrap();
    let esearch = |uid, items: &[ESearchItem], expected: &str| {
        check(Response::ESearch(ESearchLine { tag: &tag, mailbox: None, uid, items }), expected);
    };
    let items = [
        ESearchItem::Min(7),
        ESearchItem::Max(3800),
        ESearchItem::Count(15),
        ESearchItem::All(vec![(43, 43)]),
    ];
    esearch(true, &items, r#"ESEARCH (TAG "A285") UID MIN 7 MAX 3800 COUNT 15 ALL 43"#);
    esearch(false, &[ESearchItem::ModSeq(9), ESearchItem::All(vec![])], r#"ESEARCH (TAG "A285") MODSEQ 9"#);
    // In an order of its own, as SORT finds it.
    esearch(
        true,
        &[ESearchItem::All(vec![(5, 5), (3, 4), (1, 1)])],
        r#"ESEARCH (TAG "A285") UID ALL 5,3:4,1"#,
    );
    let frame = bytes::Bytes::from_static(b"-1:-100");
    let range = PartialRange::parse(&mut Cursor::new(&frame, Names::ModifiedUtf7)).unwrap();
    esearch(
        true,
        &[ESearchItem::Partial(range, vec![(8, 9)])],
        r#"ESEARCH (TAG "A285") UID PARTIAL (-1:-100 8:9)"#,
    );
    esearch(
        true,
        &[ESearchItem::Partial(range, vec![])],
        r#"ESEARCH (TAG "A285") UID PARTIAL (-1:-100 NIL)"#,
    );
    let at = |position, numbers| Placed { position, numbers };
    esearch(
        true,
        &[
            ESearchItem::RemoveFrom(vec![at(3, vec![(9, 9)]), at(1, vec![(5, 5), (2, 3)])]),
            ESearchItem::AddTo(vec![at(0, vec![(32768, 32769)])]),
        ],
        r#"ESEARCH (TAG "A285") UID REMOVEFROM (3 9 1 5,2:3) ADDTO (0 32768:32769)"#,
    );
    let mailbox = Some(SearchedMailbox { name: "folder two", uid_validity: 6 });
    let line = ESearchLine { tag: &tag, mailbox, uid: true, items: &[ESearchItem::Count(2)] };
    check(Response::ESearch(line), r#"ESEARCH (TAG "A285" MAILBOX "folder two" UIDVALIDITY 6) UID COUNT 2"#);
}

#[test]
fn push_responses_have_their_form() {
    check(Response::Vapid("BOniQ"), "VAPID BOniQ");
    let webpush = |duration| Response::WebPush { id: "a-1", endpoint: "https://p.example/x", duration };
    check(webpush(None), "WEBPUSH a-1 https://p.example/x NIL");
    check(webpush(Some(0)), "WEBPUSH a-1 https://p.example/x 0");
    check(Response::Select("New Messages"), r#"SELECT "New Messages""#);
    check(Response::AckWebPush("T1"), "ACKWEBPUSH T1");
    check(Response::Sync(None), "SYNC");
    check(Response::Sync(Some("EXISTS")), "SYNC EXISTS");
}

#[test]
fn names_are_utf8_where_the_client_has_enabled_it() {
    let list = Response::List(ListLine { name: "Entwürfe", ..ListLine::default() });
    assert_eq!(line(&list, Names::Utf8), "* LIST () \"/\" \"Entwürfe\"\r\n");
}

#[test]
fn a_fetch_line_is_written_item_by_item() {
    let mut out = BytesMut::new();
    let mut fetch = FetchLine::new(&mut out, 12, FetchForm::UidFetch);
    fetch.flags(["\\Seen", "foo"]);
    fetch.uid(12);
    fetch.modseq(9);
    fetch.size(4444);
    fetch.internal_date(0);
    fetch.object_id(ObjectId { kind: ObjectKind::Email, number: 5, owner: None });
    crate::wire::encode::string(fetch.item(b"BODY[1] "), b"hi", Quoting::Ascii);
    fetch.finish();
    let expected = "* 12 UIDFETCH (FLAGS (\\Seen foo) UID 12 MODSEQ (9) RFC822.SIZE 4444 \
         INTERNALDATE \" 1-Jan-1970 00:00:00 +0000\" EMAILID (M5) BODY[1] \"hi\")\r\n";
    assert_eq!(out.freeze(), Bytes::from_static(expected.as_bytes()));
}
