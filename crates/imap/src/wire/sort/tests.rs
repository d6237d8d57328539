use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(arguments: &str) -> Result<Sort, String> {
    let frame = Bytes::copy_from_slice(arguments.as_bytes());
    sort(&mut Cursor::new(&frame, Names::ModifiedUtf7), Numbering::Seq).map_err(|e| e.to_string())
}

#[test]
fn every_key_is_known_in_both_directions() {
    for key in ["ARRIVAL", "CC", "DATE", "DISPLAYFROM", "displayto", "FROM", "SIZE", "SUBJECT", "TO"] {
        let rising = parsed(&format!("({key}) UTF-8 ALL")).unwrap().criteria;
        let falling = parsed(&format!("(reverse {key}) \"us-ascii\" ALL")).unwrap().criteria;
        assert_eq!(rising.len(), 1);
        assert_eq!(rising[0].direction, SortDirection::Rising);
        assert_eq!(falling, [SortCriterion { direction: SortDirection::Falling, ..rising[0] }]);
    }
}

#[test]
fn criteria_keep_their_order() {
    let sort = parsed("RETURN (COUNT) (SUBJECT REVERSE DATE) UTF-8 SINCE 1-Feb-1994 UNSEEN").unwrap();
    let keys: Vec<SortKey> = sort.criteria.iter().map(|criterion| criterion.key).collect();
    assert_eq!(keys, [SortKey::Subject, SortKey::Date]);
    assert_eq!(sort.returns, Some(vec![SearchReturn::Count]));
    assert!(matches!(sort.program, SearchProgram::Keys(keys) if keys.len() == 2));
}

#[test]
fn what_is_not_a_sort_is_refused() {
    let many = vec!["DATE"; SORT_CRITERIA_MAX].join(" ");
    assert!(parsed(&format!("({many}) UTF-8 ALL")).is_ok());
    let too_many = format!("({many} DATE) UTF-8 ALL");
    for wrong in [
        "",
        "()",
        "() UTF-8 ALL",
        "DATE UTF-8 ALL",
        "(DATE) ALL",
        "(DATE) UTF-8",
        "(REVERSE) UTF-8 ALL",
        "(AGE) UTF-8 ALL",
        &too_many,
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
    assert!(matches!(parsed("(DATE) KOI8-R TEXT x").unwrap().program, SearchProgram::UnknownCharset));
}
