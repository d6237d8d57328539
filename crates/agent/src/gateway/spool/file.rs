//! One message in one file: a line of JSON that says what it is, then its body as it is.
//!
//! The names are numbers of 20 digits, so that their order is that of the messages; while a file is being written it ends
//! in `.new`. What is read back is either a whole message or none: the line tells how long the body is.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::agent::Encryption;
use crate::durable_file;
use crate::gateway::message::Message;

/// The line of JSON.
#[derive(Serialize, Deserialize)]
struct Head {
    subscription: String,
    id: String,
    urgency: Option<String>,
    /// Milliseconds since 1970.
    received_at: u64,
    encryption: Option<Encryption>,
    body_bytes: usize,
}

/// The file of a message.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}"))
}

/// Makes a directory that only its owner can read, with those above it.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Writes and syncs a message; the directory is yet to be synced. Returns the length of the file.
pub(super) fn write(directory: &Path, number: u64, message: &Message) -> io::Result<u64> {
    let received_at = message.received_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let head = Head {
        subscription: message.subscription.clone(),
        id: message.id.clone(),
        urgency: message.urgency.clone(),
        received_at: u64::try_from(received_at).unwrap_or(u64::MAX),
        encryption: message.encryption.clone(),
        body_bytes: message.body.len(),
    };
    let mut content = serde_json::to_vec(&head)?;
    content.push(b'\n');
    content.extend_from_slice(&message.body);
    durable_file::write(&path(directory, number), &content)?;
    Ok(u64::try_from(content.len()).unwrap_or(u64::MAX))
}

/// Reads a message; `None` when there is no file, or when it is damaged: then it is set aside.
pub(super) fn read(path: &Path) -> io::Result<Option<Message>> {
    let mut content = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut content)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let message = parse(&content);
    if message.is_none() {
        tracing::error!(file = %path.display(), "a message in the spool is damaged and set aside");
        fs::rename(path, path.with_extension("damaged"))?;
    }
    Ok(message)
}

/// All messages with their numbers and lengths, in order. What was being written at a crash is removed.
pub(super) fn read_all(directory: &Path) -> io::Result<Vec<(u64, u64, Message)>> {
    let mut messages = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let Some(number) = number(&path) else { continue };
        if path.extension().is_some_and(|extension| extension == "new") {
            fs::remove_file(&path)?;
        } else if path.extension().is_none() {
            let bytes = entry.metadata()?.len();
            // The body is not kept: it is read again when it is its turn.
            let message = read(&path)?.map(|message| Message { body: Vec::new(), ..message });
            messages.extend(message.map(|message| (number, bytes, message)));
        }
    }
    messages.sort_by_key(|(number, _, _)| *number);
    Ok(messages)
}

fn number(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    if stem.len() == 20 { stem.parse().ok() } else { None }
}

fn parse(content: &[u8]) -> Option<Message> {
    let end = content.iter().position(|byte| *byte == b'\n')?;
    let (head, body) = content.split_at_checked(end)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    let body = body.get(1..).filter(|body| body.len() == head.body_bytes)?;
    Some(Message {
        subscription: head.subscription,
        id: head.id,
        urgency: head.urgency,
        received_at: UNIX_EPOCH.checked_add(Duration::from_millis(head.received_at))?,
        encryption: head.encryption,
        body: body.to_vec(),
    })
}

/// Far above what a push service lets through.
const FILE_BYTES_MAX: u64 = 16 << 20;
