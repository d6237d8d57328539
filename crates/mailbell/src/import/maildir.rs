//! Maildir, with the folders of Maildir++ (`.Lists.Rust/` beside `cur/` and `new/`).
//!
//! The flags are those of the file name's `:2,` part; the date is the file's. `tmp/` is not looked into, and the
//! program that delivers there may go on.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, ensure};
use imap::wire::mailbox::from_modified_utf7;
use store::{Flags, UnixTime};

use super::{Found, Source, with_crlf};

/// A Maildir that is being read, in the order of folder and file name.
#[derive(Debug)]
pub(crate) struct Maildir {
    files: std::vec::IntoIter<File>,
    length: u64,
    position: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct File {
    folder: Option<String>,
    unique: String,
    path: PathBuf,
}

impl Maildir {
    /// Looks for the messages; none of them is read yet.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        ensure!(
            root.join("cur").is_dir() || root.join("new").is_dir(),
            "{} is not a Maildir: it has neither cur/ nor new/",
            root.display()
        );
        let mut files = Vec::new();
        gather(root, None, &mut files)?;
        for entry in entries(root)? {
            let name = entry.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
            if let Some(folder) = name.strip_prefix('.')
                && entry.join("cur").is_dir()
            {
                gather(&entry, Some(folder_name(folder)), &mut files)?;
            }
        }
        files.sort();
        let length = u64::try_from(files.len())?;
        Ok(Self { files: files.into_iter(), length, position: 0 })
    }
}

impl Source for Maildir {
    fn length(&self) -> u64 {
        self.length
    }

    fn next(&mut self) -> anyhow::Result<Option<Found>> {
        for file in self.files.by_ref() {
            self.position += 1;
            let raw = match std::fs::read(&file.path) {
                Ok(raw) => raw,
                // Read, moved or expunged by another program since: a later run finds it under its new name.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", file.path.display()));
                }
            };
            let (flags, keywords) = flags_of(&file.path);
            return Ok(Some(Found {
                key: format!("{}/{}", file.folder.as_deref().unwrap_or_default(), file.unique),
                folder: file.folder,
                raw: with_crlf(&raw),
                flags,
                keywords,
                received_at: modified_at(&file.path),
                position: self.position,
            }));
        }
        Ok(None)
    }
}

fn gather(directory: &Path, folder: Option<String>, files: &mut Vec<File>) -> anyhow::Result<()> {
    for part in ["cur", "new"] {
        let part = directory.join(part);
        if !part.is_dir() {
            continue;
        }
        for path in entries(&part)? {
            let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
            if name.starts_with('.') || !path.is_file() {
                continue;
            }
            let unique = name.split(':').next().unwrap_or_default().to_owned();
            files.push(File { folder: folder.clone(), unique, path });
        }
    }
    Ok(())
}

fn entries(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("cannot look into {}", directory.display());
    let entries = std::fs::read_dir(directory).with_context(context)?;
    entries.map(|entry| Ok(entry.with_context(context)?.path())).collect()
}

/// Maildir++ writes `.` between levels and names in modified UTF-7; a name that is not that is taken as it is.
fn folder_name(written: &str) -> String {
    let levels =
        written.split('.').map(|level| from_modified_utf7(level).unwrap_or_else(|| level.to_owned()));
    levels.filter(|level| !level.is_empty()).collect::<Vec<_>>().join("/")
}

fn flags_of(path: &Path) -> (Flags, Vec<String>) {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
    let letters = name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    let mut flags = Flags::default();
    let mut keywords = Vec::new();
    for letter in letters.chars() {
        flags = match letter {
            'D' => flags.union(Flags::DRAFT),
            'F' => flags.union(Flags::FLAGGED),
            'R' => flags.union(Flags::ANSWERED),
            'S' => flags.union(Flags::SEEN),
            'T' => flags.union(Flags::DELETED),
            'P' => {
                keywords.push("$Forwarded".to_owned());
                flags
            }
            _ => flags,
        };
    }
    (flags, keywords)
}

fn modified_at(path: &Path) -> Option<UnixTime> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let seconds = modified.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(seconds).ok().map(UnixTime)
}
