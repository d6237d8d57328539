//! The stream of octets as a sequence of command lines and content, over any cuts of the input.
//!
//! Which of them comes next only the session knows: it tells by [`Decoder::expect_data`] and
//! [`Decoder::expect_chunk`]; after the end of either a command line is expected again. Holds no octets itself.

use super::unstuff::{Found, Unstuffer};

/// Where in the stream the next octet stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoder {
    mode: Mode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    /// In a command line, whose first octets are known to have no LF among them.
    Line { searched: usize },
    /// In a command line that is too long, up to its LF.
    LongLine,
    /// In the content of DATA.
    Data(Unstuffer),
    /// In a chunk of BDAT, with so many octets to come.
    Chunk { remaining: u64 },
}

impl Default for Mode {
    fn default() -> Self {
        Self::Line { searched: 0 }
    }
}

/// What one step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Nothing whole: more input is needed, put after what was not used up.
    More,
    /// A command line, without its CRLF.
    Line(Result<&'a [u8], LineError>),
    /// Octets of the message; perhaps none.
    Content(&'a [u8]),
    /// The content of DATA, or the chunk, has ended.
    ContentEnd,
}

/// What is wrong with a line whatever stands in it. It has been used up and must not be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// Longer than [`LINE_BYTES_MAX`].
    TooLong,
    /// Ended by LF alone.
    BareLf,
}

impl Decoder {
    /// From here on comes the content of DATA.
    pub fn expect_data(&mut self) {
        self.mode = Mode::Data(Unstuffer::default());
    }

    /// From here on comes a chunk of so many octets.
    pub fn expect_chunk(&mut self, size: u64) {
        self.mode = Mode::Chunk { remaining: size };
    }

    /// Takes a step: how many octets of `input` it used up, and what it found.
    pub fn step<'a>(&mut self, input: &'a [u8]) -> (usize, Step<'a>) {
        match &mut self.mode {
            Mode::Line { searched } => {
                let fresh = input.get(*searched..).unwrap_or_default();
                let Some(at) = memchr::memchr(b'\n', fresh) else {
                    *searched = input.len();
                    if input.len() < LINE_BYTES_MAX {
                        return (0, Step::More);
                    }
                    self.mode = Mode::LongLine;
                    return (input.len(), Step::More);
                };
                let end = searched.saturating_add(at);
                self.mode = Mode::default();
                (end.saturating_add(1), Step::Line(line(input, end)))
            }
            Mode::LongLine => match memchr::memchr(b'\n', input) {
                Some(at) => {
                    self.mode = Mode::default();
                    (at.saturating_add(1), Step::Line(Err(LineError::TooLong)))
                }
                None => (input.len(), Step::More),
            },
            Mode::Data(unstuffer) => {
                if input.is_empty() {
                    return (0, Step::More);
                }
                match unstuffer.step(input) {
                    (used, Found::Octets(octets)) => (used, Step::Content(octets)),
                    (used, Found::End) => {
                        self.mode = Mode::default();
                        (used, Step::ContentEnd)
                    }
                }
            }
            Mode::Chunk { remaining: 0 } => {
                self.mode = Mode::default();
                (0, Step::ContentEnd)
            }
            Mode::Chunk { remaining } => {
                let size = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
                if size == 0 {
                    return (0, Step::More);
                }
                *remaining = remaining.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
                (size, Step::Content(input.get(..size).unwrap_or_default()))
            }
        }
    }
}

/// The line whose LF stands at `end`.
fn line(input: &[u8], end: usize) -> Result<&[u8], LineError> {
    if end >= LINE_BYTES_MAX {
        return Err(LineError::TooLong);
    }
    let line = input.get(..end).unwrap_or_default();
    line.strip_suffix(b"\r").ok_or(LineError::BareLf)
}

/// The longest command line, CRLF included. RFC 5321 §4.5.3.1.4 asks for 512, and what the extensions announced add
/// (26 for SIZE, 17 for BODY, 10 for SMTPUTF8) is far below this. A longer one is refused whole.
pub const LINE_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests;
