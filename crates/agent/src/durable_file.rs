//! Files that are whole whatever happens: the old content or the new, and only their owner can read them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Replaces a file, or makes it. Returns when it survives a loss of power.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_directory(parent.unwrap_or(Path::new(".")))
}

/// The same for several files that share one [`sync_directory`] afterwards. What is being written stands beside it with
/// the extension `new`, and is removed when that fails.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let written = write_and_sync(&fresh, content).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        // Whoever reads the directory skips it, if this fails too.
        let _removed = fs::remove_file(&fresh);
    }
    written
}

/// What was renamed is so after a loss of power too.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn write_and_sync(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
