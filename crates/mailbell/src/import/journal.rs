//! What has been imported from one source into one account, on disk.
//!
//! A text file with one fact a line, only ever appended to: `begin UIDNEXT MAILBOX`, then `item KEY` for each message
//! of the batch, then `done` once the batch is committed. The file is synced after `begin` and its items, so a batch
//! that may have been committed is always known, and [`Journal::unfinished`] lets the importer find out whether it was.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use store::AccountId;

use crate::data_dir;

/// The journal of one import.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    done: BTreeSet<String>,
    unfinished: Option<Batch>,
}

/// A batch whose commit was under way when the import ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The mailbox's UIDNEXT before it.
    pub(crate) uid_next: u32,
    /// The mailbox.
    pub(crate) mailbox: String,
    /// The keys of its messages.
    pub(crate) keys: Vec<String>,
}

impl Journal {
    /// Opens the journal of this account and source, or begins it.
    pub(crate) fn open(data_dir: &Path, account: AccountId, source: &Path) -> anyhow::Result<Self> {
        let directory = data_dir.join("import");
        data_dir::make(&directory)?;
        let source = source.canonicalize().with_context(|| format!("cannot find {}", source.display()))?;
        let name = blake3::hash(format!("{account} {}", source.display()).as_bytes()).to_hex();
        let path = directory.join(format!("{}.journal", name.get(..32).unwrap_or(&name)));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        let mut journal = Self { path, file, done: BTreeSet::new(), unfinished: None };
        journal.replay(&text);
        Ok(journal)
    }

    /// Whether the message of that key has been imported.
    pub(crate) fn is_done(&self, key: &str) -> bool {
        self.done.contains(key)
    }

    /// The batch of which the journal does not know whether it was committed.
    pub(crate) fn unfinished(&self) -> Option<&Batch> {
        self.unfinished.as_ref()
    }

    /// Notes on disk that this batch is about to be committed.
    pub(crate) fn begin(&mut self, batch: Batch) -> anyhow::Result<()> {
        let mut lines = format!("begin {} {}\n", batch.uid_next, escaped(&batch.mailbox));
        for key in &batch.keys {
            lines.push_str(&format!("item {}\n", escaped(key)));
        }
        self.append(&lines)?;
        self.file.sync_data().with_context(|| format!("cannot write {}", self.path.display()))?;
        self.unfinished = Some(batch);
        Ok(())
    }

    /// Notes that the batch begun last is committed. Not synced: if it is lost, the store is asked.
    pub(crate) fn done(&mut self) -> anyhow::Result<()> {
        self.append("done\n")?;
        self.done.extend(self.unfinished.take().into_iter().flat_map(|batch| batch.keys));
        Ok(())
    }

    /// Notes that the batch begun last was never committed.
    pub(crate) fn forget(&mut self) -> anyhow::Result<()> {
        self.append("forget\n")?;
        self.unfinished = None;
        Ok(())
    }

    fn append(&mut self, lines: &str) -> anyhow::Result<()> {
        self.file.write_all(lines.as_bytes()).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// A line that was cut off by a crash says nothing: what it would have said is found out from the store.
    fn replay(&mut self, text: &str) {
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match (line.split_once(' '), self.unfinished.as_mut()) {
                (Some(("begin", rest)), _) => {
                    let (uid_next, mailbox) = rest.split_once(' ').unwrap_or((rest, ""));
                    self.unfinished = uid_next.parse().ok().map(|uid_next| Batch {
                        uid_next,
                        mailbox: unescaped(mailbox),
                        keys: Vec::new(),
                    });
                }
                (Some(("item", key)), Some(batch)) => batch.keys.push(unescaped(key)),
                (None, _) if line == "done" => {
                    self.done.extend(self.unfinished.take().into_iter().flat_map(|batch| batch.keys));
                }
                (None, _) if line == "forget" => self.unfinished = None,
                _ => {}
            }
        }
    }
}

/// One line, whatever is in it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.next() == Some('n') => out.push('\n'),
            '\\' => out.push('\\'),
            other => out.push(other),
        }
    }
    out
}
