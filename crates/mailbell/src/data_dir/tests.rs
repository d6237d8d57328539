use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Lock, holder, read_secret, write_secret};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

#[test]
fn a_data_directory_is_held_by_one_at_a_time() {
    let parent = tempfile::tempdir().expect("a directory");
    let data_dir = parent.path().join("a/b");
    let lock = Lock::take(&data_dir).expect("free");
    assert_eq!(mode(&data_dir), 0o700);

    let error = Lock::take(&data_dir).expect_err("held").to_string();
    let wanted = format!(
        "another mailbell (process {}) holds {}; stop it first",
        std::process::id(),
        data_dir.display()
    );
    assert_eq!(error, wanted);

    let holder = holder(&data_dir).expect("readable").map(|pid| pid.as_raw_pid().cast_unsigned());
    assert_eq!(holder, Some(std::process::id()));

    drop(lock);
    assert!(super::holder(&data_dir).expect("readable").is_none());
    Lock::take(&data_dir).expect("free again");
}

#[test]
fn a_secret_file_is_written_whole_with_mode_0600() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("key.pem");
    assert!(read_secret(&path).expect("no error").is_none());
    for content in ["first", "second"] {
        write_secret(&path, content.as_bytes()).expect("written");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read_secret(&path).expect("readable").expect("there").as_str(), content);
    }
    let names: Vec<_> = std::fs::read_dir(directory.path()).expect("readable").collect();
    assert_eq!(names.len(), 1, "no temporary file stays: {names:?}");
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("key.pem");
    write_secret(&path, b"secret").expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
    let error = read_secret(&path).expect_err("refused").to_string();
    assert_eq!(error, format!("{0} can be read by others (mode 0640): chmod 600 {0}", path.display()));
}
