//! The byte stream cut into whole commands, literals included (RFC 9051 §2.2.1 and §4.3, RFC 7888).
//!
//! The framer does not parse: it only finds where lines end and how long literals are. It works in place: a
//! command's bytes stay in the input buffer until all of them are there, and leave it as one `Bytes`.
//!
//! Invariants: how the stream was cut into reads changes no answer; at most one command is held, and no more
//! of it than [`FrameLimits`] allows; after [`Event::Rejected`] the stream stands at the next command.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::wire::command::Tag;
use crate::wire::parse::tag_of;

/// How long one command may be. What is longer is rejected, the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// All text outside of literals, in bytes.
    pub line_bytes: usize,
    /// All literals together, in bytes, of any other command.
    pub literal_bytes: u64,
    /// All literals together of APPEND or REPLACE, in bytes.
    pub append_bytes: u64,
    /// How many bytes of a rejected command are read and dropped before the connection is given up.
    pub discard_bytes: u64,
}

/// What the framer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A command, without its last CRLF.
    Command(Bytes),
    /// A synchronising literal is due: the client waits for a continuation request.
    Continue,
    /// A literal of an APPEND or REPLACE is announced by [`Framer::head`]. Unless [`Framer::refuse`] is called now, it is accepted.
    Append(LiteralKind),
    /// The command was too long. All of it that the client will send has been read.
    Rejected {
        /// Its tag, if one could be read.
        tag: Option<Tag>,
        /// What was too long.
        error: FrameError,
    },
    /// The client does not stop: close the connection.
    Fatal(FrameError),
}

/// Which limit a command broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// [`FrameLimits::line_bytes`]
    #[error("the command line is too long")]
    Line,
    /// [`FrameLimits::literal_bytes`] or [`FrameLimits::append_bytes`]
    #[error("the literal is too big")]
    Literal,
    /// [`FrameLimits::discard_bytes`]
    #[error("too much data after a rejected command")]
    Discarded,
    /// [`Framer::refuse`]
    #[error("the literal was refused")]
    Refused,
}

/// Whether a client waits before it sends a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteralKind {
    /// It waits for a continuation request.
    Synchronising,
    /// It does not (RFC 7888).
    NonSynchronising,
}

/// Cuts one connection's stream.
#[derive(Debug, Default)]
pub struct Framer {
    state: State,
}

#[derive(Debug)]
enum State {
    /// In the text of a command.
    Line(Progress),
    /// In a literal that ends at this offset of the input.
    Literal(Progress, usize, LiteralKind),
    /// In the text of a rejected command.
    SkipLine(Rejection),
    /// In a literal of a rejected command, with so many bytes to go.
    SkipLiteral(Rejection, u64),
}

/// What has been seen of the command at the input's beginning.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Where the current stretch of text began.
    line_start: usize,
    /// No line end before this.
    scanned: usize,
    /// Text before the current stretch.
    text_bytes: usize,
    /// Literals so far.
    literal_bytes: u64,
}

#[derive(Debug, Clone)]
struct Rejection {
    tag: Option<Tag>,
    error: FrameError,
    dropped: u64,
}

impl Default for State {
    fn default() -> Self {
        Self::Line(Progress::default())
    }
}

impl Framer {
    /// Looks at the input; takes from it what belongs to the returned event. `None`: more input is needed.
    pub fn poll(&mut self, input: &mut BytesMut, limits: &FrameLimits) -> Option<Event> {
        loop {
            let (next, outcome) = match std::mem::take(&mut self.state) {
                State::Line(progress) => line(progress, input, limits),
                State::Literal(progress, end, kind) => literal(progress, end, kind, input),
                State::SkipLine(rejection) => skip_line(rejection, input, limits),
                State::SkipLiteral(rejection, left) => skip_literal(rejection, left, input),
            };
            self.state = next;
            match outcome {
                Step::Again => {}
                Step::Wait => return None,
                Step::Found(event) => return Some(event),
            }
        }
    }

    /// The command up to the literal that has just been announced, its line end included.
    #[must_use]
    pub fn head<'i>(&self, input: &'i BytesMut) -> &'i [u8] {
        match &self.state {
            State::Literal(progress, ..) => input.get(..progress.scanned).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Refuses the literal that has just been announced, and with it the command: what the client sends of it
    /// whatever the server says is dropped, then comes [`Event::Rejected`].
    pub fn refuse(&mut self, input: &mut BytesMut, limits: &FrameLimits) -> Option<Event> {
        let State::Literal(progress, end, kind) = std::mem::take(&mut self.state) else { return None };
        let tag = tag_of(input.get(..progress.scanned).unwrap_or_default());
        let error = FrameError::Refused;
        input.advance(progress.scanned.min(input.len()));
        if kind == LiteralKind::Synchronising {
            return Some(Event::Rejected { tag, error });
        }
        let length = end.saturating_sub(progress.scanned) as u64;
        let dropped = (progress.scanned as u64).saturating_add(length);
        if dropped > limits.discard_bytes {
            return Some(Event::Fatal(FrameError::Discarded));
        }
        self.state = State::SkipLiteral(Rejection { tag, error, dropped }, length);
        self.poll(input, limits)
    }

    /// Whether the stream stands between two commands.
    #[must_use]
    pub fn is_idle(&self, input: &BytesMut) -> bool {
        input.is_empty() && matches!(&self.state, State::Line(progress) if progress.line_start == 0)
    }

    /// How many bytes are known to be missing: what a reader may make room for.
    #[must_use]
    pub fn missing(&self, input: &BytesMut) -> usize {
        match &self.state {
            State::Literal(_, end, _) => end.saturating_sub(input.len()),
            _ => 0,
        }
    }
}

/// One line that is not a command: the answer to a continuation request. `None`: more input is needed.
pub fn continuation_line(input: &mut BytesMut, bytes_max: usize) -> Option<Result<Bytes, FrameError>> {
    match memchr::memchr(b'\n', input) {
        Some(end) if end <= bytes_max => {
            let mut line = input.split_to(end + 1);
            line.truncate(without_cr(line.get(..end).unwrap_or_default()).len());
            Some(Ok(line.freeze()))
        }
        None if input.len() <= bytes_max => None,
        _ => Some(Err(FrameError::Line)),
    }
}

enum Step {
    Again,
    Wait,
    Found(Event),
}

fn line(mut progress: Progress, input: &mut BytesMut, limits: &FrameLimits) -> (State, Step) {
    let unseen = input.get(progress.scanned..).unwrap_or_default();
    let Some(found) = memchr::memchr(b'\n', unseen) else {
        progress.scanned = input.len();
        if progress.text_bytes + (input.len() - progress.line_start) > limits.line_bytes {
            return (reject(progress, input, limits, FrameError::Line), Step::Again);
        }
        return (State::Line(progress), Step::Wait);
    };
    let end = progress.scanned + found;
    let text = without_cr(input.get(progress.line_start..end).unwrap_or_default());
    let literal = literal_at_end(text);
    if progress.text_bytes + (end - progress.line_start) > limits.line_bytes {
        return (reject(progress, input, limits, FrameError::Line), Step::Again);
    }
    let Some(literal) = literal else {
        let length = progress.line_start + text.len();
        let mut command = input.split_to(end + 1);
        command.truncate(length);
        return (State::default(), Step::Found(Event::Command(command.freeze())));
    };
    let is_append = is_append(input.get(..end).unwrap_or_default());
    let bytes_max = if is_append { limits.append_bytes } else { limits.literal_bytes };
    let total = progress.literal_bytes.saturating_add(literal.length);
    let after = usize::try_from(literal.length).ok().and_then(|length| length.checked_add(end + 1));
    let Some(after) = after.filter(|_| total <= bytes_max) else {
        return (reject(progress, input, limits, FrameError::Literal), Step::Again);
    };
    progress.literal_bytes = total;
    progress.text_bytes += end - progress.line_start;
    progress.scanned = end + 1;
    let step = match literal.kind {
        kind if is_append => Step::Found(Event::Append(kind)),
        LiteralKind::Synchronising => Step::Found(Event::Continue),
        LiteralKind::NonSynchronising => Step::Again,
    };
    (State::Literal(progress, after, literal.kind), step)
}

fn literal(mut progress: Progress, end: usize, kind: LiteralKind, input: &BytesMut) -> (State, Step) {
    if input.len() < end {
        return (State::Literal(progress, end, kind), Step::Wait);
    }
    progress.line_start = end;
    progress.scanned = end;
    (State::Line(progress), Step::Again)
}

/// Drops what came before the current stretch of text; [`skip_line`] goes on with that stretch.
fn reject(progress: Progress, input: &mut BytesMut, limits: &FrameLimits, error: FrameError) -> State {
    // No tag is looked for beyond what every command may have: more of it may or may not be here.
    let tag = tag_of(input.get(..input.len().min(limits.line_bytes)).unwrap_or_default());
    input.advance(progress.line_start.min(input.len()));
    State::SkipLine(Rejection { tag, error, dropped: progress.line_start as u64 })
}

fn skip_line(mut rejection: Rejection, input: &mut BytesMut, limits: &FrameLimits) -> (State, Step) {
    let found = memchr::memchr(b'\n', input);
    // Without a line end, the length of a literal may be among the last bytes: they stay.
    let taken = found.map_or_else(|| input.len().saturating_sub(LITERAL_HEAD_BYTES_MAX), |end| end + 1);
    let line = found.map(|end| literal_at_end(without_cr(input.get(..end).unwrap_or_default())));
    input.advance(taken);
    rejection.dropped = rejection.dropped.saturating_add(taken as u64);
    if rejection.dropped > limits.discard_bytes {
        return (State::default(), Step::Found(Event::Fatal(FrameError::Discarded)));
    }
    match line {
        None => (State::SkipLine(rejection), Step::Wait),
        // RFC 7888 §4: the octets of a non-synchronising literal come whatever the server says.
        Some(Some(Literal { length, kind: LiteralKind::NonSynchronising })) => {
            rejection.dropped = rejection.dropped.saturating_add(length);
            if rejection.dropped > limits.discard_bytes {
                return (State::default(), Step::Found(Event::Fatal(FrameError::Discarded)));
            }
            (State::SkipLiteral(rejection, length), Step::Again)
        }
        // RFC 9051 §4.3: refused by a tagged answer instead of a continuation request, the literal never comes.
        Some(_) => {
            let Rejection { tag, error, .. } = rejection;
            (State::default(), Step::Found(Event::Rejected { tag, error }))
        }
    }
}

fn skip_literal(rejection: Rejection, left: u64, input: &mut BytesMut) -> (State, Step) {
    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
    input.advance(here);
    match left - here as u64 {
        0 => (State::SkipLine(rejection), Step::Again),
        left => (State::SkipLiteral(rejection, left), Step::Wait),
    }
}

struct Literal {
    length: u64,
    kind: LiteralKind,
}

// literal = "{" number64 ["+"] "}" CRLF *CHAR8
/// The literal that a line announces. A length beyond 63 bits is taken as the largest there is.
fn literal_at_end(line: &[u8]) -> Option<Literal> {
    let head = line.get(line.len().saturating_sub(LITERAL_HEAD_BYTES_MAX)..)?.strip_suffix(b"}")?;
    let (head, kind) = match head.strip_suffix(b"+") {
        Some(head) => (head, LiteralKind::NonSynchronising),
        None => (head, LiteralKind::Synchronising),
    };
    let open = memchr::memrchr(b'{', head)?;
    let digits = head.get(open + 1..)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length = digits.iter().fold(0_u64, |n, &d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')));
    Some(Literal { length, kind })
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether a command carries messages.
fn is_append(command: &[u8]) -> bool {
    let Some(space) = memchr::memchr(b' ', command) else { return false };
    let begins = |name: &[u8]| {
        command.get(space + 1..space + 1 + name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name))
    };
    begins(b"APPEND ") || begins(b"REPLACE ") || begins(b"UID REPLACE ")
}

/// `{`, 24 digits, `+}`, CR: a longer one is not taken for a literal.
const LITERAL_HEAD_BYTES_MAX: usize = 28;

#[cfg(test)]
mod tests;
