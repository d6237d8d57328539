use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(arguments: &str) -> Result<Select, String> {
    let frame = Bytes::copy_from_slice(arguments.as_bytes());
    select(&mut Cursor::new(&frame, Names::Utf8)).map_err(|error| error.to_string())
}

#[test]
fn the_parameters_of_rfc_7162_are_read() {
    let resync = |arguments| parsed(arguments).unwrap().resync.unwrap();
    let plain = resync("INBOX (QRESYNC (67890007 20050715194045000))");
    assert_eq!((plain.uid_validity, plain.modseq), (67_890_007, 20_050_715_194_045_000));
    assert_eq!((plain.known_uids.clone(), plain.matches().count()), (None, 0));
    let known = resync("INBOX (qresync (1 2 41,43:211) CONDSTORE)");
    assert!(known.known_uids.is_some_and(|uids| uids.resolve(u32::MAX).contains(100)));
    let matched = resync("INBOX (QRESYNC (1 2 1:29997 (5000,7500:7502 15000,22500:22502)))");
    let pairs: Vec<_> = matched.matches().collect();
    assert_eq!(pairs, [(5000, 15_000), (7500, 22_500), (7501, 22_501), (7502, 22_502)]);
    assert_eq!(resync("x (QRESYNC (1 2 (1 5)))").matches().collect::<Vec<_>>(), [(1, 5)]);
    let endless = resync("x (QRESYNC (1 2 (1:4294967295 1:4294967295)))");
    assert_eq!(endless.matches().count(), SEQ_MATCH_MAX);
}

#[test]
fn broken_parameters_are_refused() {
    let cases = [
        "x (QRESYNC)",
        "x (QRESYNC (0 1))",
        "x (QRESYNC (1))",
        "x (QRESYNC (1 2 1:*))",
        "x (QRESYNC (1 2 (1 *)))",
        "x (QRESYNC (1 2 (1)))",
        "x (QRESYNC (1 2 1:5 (1 1) 3))",
        "x (QRESYNC (1 2) QRESYNC (1 2))",
        "x (RESYNC (1 2))",
        "x ()",
    ];
    for case in cases {
        assert!(parsed(case).is_err(), "{case}");
    }
}
