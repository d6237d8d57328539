use std::os::unix::fs::MetadataExt as _;

use super::*;

#[test]
fn a_file_is_replaced_as_a_whole_and_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    for content in ["longer content", "short"] {
        replace(&path, content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_fails_leaves_nothing_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    // A directory that is not empty can't be replaced by a file.
    let path = dir.path().join("directory");
    fs::create_dir_all(path.join("inner")).unwrap();
    assert!(replace(&path, b"content").is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(replace(&dir.path().join("absent/file"), b"content").is_err());
}
