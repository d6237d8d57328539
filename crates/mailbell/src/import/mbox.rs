//! mbox, in the form of RFC 4155: messages after `From ` lines, `>From ` in bodies with one `>` too many (mboxrd).
//!
//! Flags are taken from the fields `Status` and `X-Status` that mail readers of the format keep there. The file must
//! not change while it is read. Memory: one message, at most [`MESSAGE_BYTES_MAX`].

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, bail};
use store::{Flags, UnixTime};

use super::{Found, Source, with_crlf};

/// An mbox file that is being read.
#[derive(Debug)]
pub(crate) struct Mbox {
    path: PathBuf,
    lines: BufReader<File>,
    length: u64,
    /// Octets read so far.
    position: u64,
    /// The `From ` line that begins the next message, and where it stands.
    separator: Option<(Vec<u8>, u64)>,
}

impl Mbox {
    /// Opens the file and checks that it begins as an mbox does. An empty one holds no message.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("cannot read {}", path.display());
        let file = File::open(path).with_context(context)?;
        let length = file.metadata().with_context(context)?.len();
        let mut mbox =
            Self { path: path.to_owned(), lines: BufReader::new(file), length, position: 0, separator: None };
        let first = mbox.line()?;
        if first.starts_with(b"From ") {
            mbox.separator = Some((first, 0));
        } else if !first.is_empty() {
            bail!("{} is not an mbox file: it does not begin with \"From \"", path.display());
        }
        Ok(mbox)
    }

    /// The next line with its end; empty at the end of the file.
    fn line(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut line = Vec::new();
        let read = self.lines.read_until(b'\n', &mut line);
        let octets = read.with_context(|| format!("cannot read {}", self.path.display()))?;
        self.position += u64::try_from(octets)?;
        Ok(line)
    }
}

impl Source for Mbox {
    fn length(&self) -> u64 {
        self.length
    }

    fn next(&mut self) -> anyhow::Result<Option<Found>> {
        let Some((separator, begin)) = self.separator.take() else { return Ok(None) };
        let mut raw = Vec::new();
        let mut is_after_blank = false;
        loop {
            let at = self.position;
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if is_after_blank && line.starts_with(b"From ") {
                self.separator = Some((line, at));
                break;
            }
            is_after_blank = matches!(line.as_slice(), b"\n" | b"\r\n");
            raw.extend_from_slice(unquoted(&line));
            if raw.len() > MESSAGE_BYTES_MAX {
                bail!(
                    "{}: the message at byte {begin} is larger than {MESSAGE_BYTES_MAX} bytes",
                    self.path.display()
                );
            }
        }
        // The blank line before the next separator belongs to the format, not to the message.
        for end in [b"\r\n\r\n".as_slice(), b"\n\n"] {
            if raw.ends_with(end) {
                raw.truncate(raw.len() - end.len() / 2);
            }
        }
        let raw = with_crlf(&raw);
        Ok(Some(Found {
            key: format!("{begin}"),
            folder: None,
            flags: flags_of(&raw),
            keywords: Vec::new(),
            received_at: date_of(&separator),
            raw,
            position: self.position,
        }))
    }
}

fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    let is_quoted = quotes > 0 && line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "));
    if is_quoted { line.get(1..).unwrap_or(line) } else { line }
}

/// `From alice@example.org Tue Mar  5 12:34:56 2024`: the date is C's `asctime`, in UTC (RFC 4155, appendix A).
fn date_of(separator: &[u8]) -> Option<UnixTime> {
    let text = std::str::from_utf8(separator).ok()?.trim_end();
    let (_, date) = text.strip_prefix("From ")?.trim_start().split_once(' ')?;
    let date = httpdate::parse_http_date(date.trim_start()).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok().map(UnixTime)
}

fn flags_of(raw: &[u8]) -> Flags {
    let fields = ["Status", "X-Status"].map(|name| message::header_value(raw, name).unwrap_or_default());
    fields.concat().iter().fold(Flags::default(), |flags, letter| match letter {
        b'R' => flags.union(Flags::SEEN),
        b'A' => flags.union(Flags::ANSWERED),
        b'F' => flags.union(Flags::FLAGGED),
        b'D' => flags.union(Flags::DELETED),
        b'T' => flags.union(Flags::DRAFT),
        _ => flags,
    })
}

/// A file that goes on for longer without a separator is no mailbox.
const MESSAGE_BYTES_MAX: usize = 1 << 30;
