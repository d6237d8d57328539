use std::os::unix::fs::PermissionsExt as _;

use super::{VapidKeys, public};

#[test]
fn a_key_is_made_once_and_rotation_keeps_the_one_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("new");
    let first = VapidKeys::load_or_make(&data_dir).expect("made");
    assert!(first.is_new && first.previous.is_none());
    let again = VapidKeys::load_or_make(&data_dir).expect("read");
    assert!(!again.is_new);
    assert_eq!(public(&again.current), public(&first.current));

    let rotated = VapidKeys::rotate(&data_dir).expect("rotated");
    assert_ne!(public(&rotated.current), public(&first.current));
    let read = VapidKeys::load_or_make(&data_dir).expect("read");
    assert_eq!(public(&read.current), public(&rotated.current));
    assert_eq!(read.previous.as_ref().map(public), Some(public(&first.current)));
    for file in ["vapid.pem", "vapid-previous.pem"] {
        let mode = std::fs::metadata(data_dir.join(file)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }

    let dropped = VapidKeys::drop_previous(&data_dir).expect("no error").expect("one");
    assert_eq!(public(&dropped), public(&first.current));
    assert!(VapidKeys::drop_previous(&data_dir).expect("no error").is_none());
}
