use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(arguments: &str) -> Result<Search, String> {
    let frame = Bytes::copy_from_slice(arguments.as_bytes());
    search(&mut Cursor::new(&frame, Names::ModifiedUtf7), Numbering::Seq).map_err(|e| e.to_string())
}

fn keys(arguments: &str) -> Vec<SearchKey> {
    match parsed(arguments).unwrap().program {
        SearchProgram::Keys(keys) => keys,
        SearchProgram::UnknownCharset => panic!("the charset is known"),
    }
}

#[test]
fn every_key_of_rev1_and_rev2_is_known() {
    let keys = [
        "ALL",
        "ANSWERED",
        "BCC x",
        "BEFORE 1-Feb-1994",
        "BODY x",
        "CC x",
        "DELETED",
        "DRAFT",
        "FLAGGED",
        "FROM \"a b\"",
        "HEADER Subject {1+}\r\nx",
        "HEADER X-Foo \"\"",
        "KEYWORD $Forwarded",
        "LARGER 1",
        "NEW",
        "NOT ALL",
        "OLD",
        "ON 1-Feb-1994",
        "OR ALL NOT ALL",
        "RECENT",
        "SEEN",
        "SENTBEFORE 1-Feb-1994",
        "SENTON 1-Feb-1994",
        "SENTSINCE \"1-Feb-1994\"",
        "SINCE 1-Feb-1994",
        "SMALLER 9223372036854775807",
        "SUBJECT x",
        "TEXT x",
        "TO x",
        "UID 1:*",
        "UIDAFTER 4294967295",
        "UIDBEFORE 1",
        "UNANSWERED",
        "UNDELETED",
        "UNDRAFT",
        "UNFLAGGED",
        "UNKEYWORD foo",
        "UNSEEN",
        "1,3:*",
        "*",
        "(SEEN (FLAGGED))",
        "MODSEQ 12",
        "MODSEQ \"/flags/\\\\draft\" all 12",
        "EMAILID M1",
        "THREADID T1",
        "OLDER 86400",
        "YOUNGER 4294967295",
        "SAVEDBEFORE 1-Feb-1994",
        "SAVEDON 1-Feb-1994",
        "SAVEDSINCE 1-Feb-1994",
        "SAVEDATESUPPORTED",
        "$",
        "NOT $",
        "UID $",
        "seen deleted",
    ];
    for key in keys {
        assert!(parsed(key).is_ok(), "{key}: {:?}", parsed(key));
        assert!(parsed(&format!("RETURN (COUNT) {key}")).is_ok(), "{key}");
        assert!(parsed(&format!("CHARSET utf-8 {key}")).is_ok(), "{key}");
    }
}

#[test]
fn keys_keep_their_structure() {
    use SearchKey::*;
    assert_eq!(keys("NOT SEEN FLAGGED"), [Not(Box::new(Has(Flag::Seen))), Has(Flag::Flagged)]);
    assert_eq!(
        keys("OR (SEEN 1) TEXT \"x y\""),
        [Or(Box::new(And(vec![Has(Flag::Seen), keys("1")[0].clone()])), Box::new(Text("x y".to_owned())))]
    );
    assert_eq!(keys("NEW"), [Nothing]);
    assert_eq!(keys("UIDAFTER 7 UIDBEFORE 9"), keys("UID 8:4294967295 UID 1:8"));
    assert_eq!(keys("UIDAFTER 4294967295 UIDBEFORE 1"), [Nothing, Nothing]);
    assert_eq!(keys("UNKEYWORD $Junk"), [Lacks(Flag::Keyword("$Junk".to_owned()))]);
    assert!(keys("OR SEEN NOT (MODSEQ 1)")[0].has_modseq());
    assert!(!keys("OR SEEN NOT ALL")[0].has_modseq());
}

#[test]
fn result_options_are_read() {
    use SearchReturn::{All, Count, Max, Min};
    assert_eq!(parsed("ALL").unwrap().returns, None);
    assert_eq!(parsed("RETURN () ALL").unwrap().returns, Some(vec![All]));
    assert_eq!(parsed("RETURN (MIN MAX COUNT ALL) ALL").unwrap().returns, Some(vec![Min, Max, Count, All]));
    assert!(parsed("RETURN (RELEVANCY) ALL").is_err());
}

#[test]
fn an_unknown_charset_is_told_apart_from_a_broken_search() {
    let program = parsed("CHARSET KOI8-R TEXT {2+}\r\n\u{fffd}").unwrap().program;
    assert_eq!(program, SearchProgram::UnknownCharset);
    assert!(parsed("CHARSET UTF-8").is_err());
}

#[test]
fn what_is_no_search_is_refused() {
    let nested = format!("{}SEEN", "NOT ".repeat(SEARCH_DEPTH_MAX + 1));
    let parens = format!("{}SEEN{}", "(".repeat(10_000), ")".repeat(10_000));
    let many = vec!["ALL"; SEARCH_KEYS_MAX + 1].join(" ");
    let cases = [
        "",
        " ",
        "NOPE",
        "SEEN ",
        "SEEN  FLAGGED",
        "OR SEEN",
        "NOT",
        "()",
        "(SEEN",
        "SEEN)",
        "HEADER x",
        "BEFORE x",
        "BEFORE 30-Feb-2000",
        "LARGER x",
        "UID x",
        "UIDAFTER 0",
        "UIDAFTER 1:2",
        "UIDBEFORE *",
        "KEYWORD",
        "KEYWORD \"x\"",
        "MODSEQ",
        "MODSEQ \"x\" none 1",
        &nested,
        &parens,
        &many,
    ];
    for case in cases {
        assert!(parsed(case).is_err(), "{case}");
    }
    assert!(parsed(&format!("{}SEEN", "NOT ".repeat(SEARCH_DEPTH_MAX))).is_ok());
}

#[test]
fn result_options_are_read_in_any_order_and_refused_where_they_contradict() {
    let returns = |options: &str| parsed(&format!("RETURN ({options}) ALL")).map(|search| search.returns);
    assert_eq!(returns("SAVE"), Ok(Some(vec![SearchReturn::Save])));
    assert_eq!(returns("count SAVE"), Ok(Some(vec![SearchReturn::Count, SearchReturn::Save])));
    assert!(returns("PARTIAL 1:10 MIN COUNT SAVE").is_ok());
    assert!(returns("PARTIAL -1:-10").is_ok());
    for wrong in
        ["PARTIAL", "PARTIAL 1:*", "ALL PARTIAL 1:2", "PARTIAL 1:2 ALL", "PARTIAL 1:2 PARTIAL 3:4", "SAVED"]
    {
        assert!(returns(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn update_is_an_option_and_context_asks_for_nothing() {
    use SearchReturn::{All, Count, Save, Update};
    let returns = |options: &str| parsed(&format!("RETURN ({options}) ALL")).unwrap().returns.unwrap();
    assert_eq!(returns("UPDATE"), [Update]);
    assert_eq!(returns("context count UPDATE"), [Count, Update]);
    assert_eq!(returns("CONTEXT"), [All]);
    assert_eq!(returns("CONTEXT SAVE"), [Save]);
}

#[test]
fn cancelled_tags_are_quoted() {
    let tags = |arguments: &str| {
        let frame = Bytes::copy_from_slice(arguments.as_bytes());
        let tags = cancel_update(&mut Cursor::new(&frame, Names::ModifiedUtf7));
        tags.map(|tags| tags.iter().map(|tag| tag.as_bytes().to_vec()).collect::<Vec<_>>())
    };
    assert_eq!(tags(r#""a1" "b\"2""#).unwrap(), [b"a1".to_vec(), b"b\"2".to_vec()]);
    let many = vec!["\"x\""; CANCELLED_MAX + 1].join(" ");
    for wrong in ["", "a1", "\"a1\" ", "\"a1\" b", "{2+}\r\na1", &many] {
        assert!(tags(wrong).is_err(), "{wrong}");
    }
}
