//! The content of DATA: takes the stuffed dots off and finds the end (RFC 5321 §4.5.2), over any cuts of the input.
//!
//! Runs between stuffed dots are given out as they stand in the input, found by one vectorised search, and never
//! copied here.

use memchr::memmem;

/// Where in a line the next octet stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unstuffer {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// After CRLF, or at the very start: the CRLF of the DATA line counts.
    #[default]
    LineStart,
    /// After the dot that began a line.
    Dot,
    /// After dot and CR.
    DotCr,
    /// Within a line.
    Line,
    /// Within a line, after CR.
    LineCr,
}

/// What one step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Octets of the message; perhaps none.
    Octets(&'a [u8]),
    /// CRLF "." CRLF has been read; what comes next is a command.
    End,
}

impl Unstuffer {
    /// Takes a step: how many octets of `input` it used up (at least one if there are any), and what it found.
    pub fn step<'a>(&mut self, input: &'a [u8]) -> (usize, Found<'a>) {
        let Some(&first) = input.first() else {
            return (0, Found::Octets(&[]));
        };
        match (self.state, first) {
            (State::LineStart, b'.') => {
                self.state = State::Dot;
                (1, Found::Octets(&[]))
            }
            (State::Dot, b'\r') => {
                self.state = State::DotCr;
                (1, Found::Octets(&[]))
            }
            (State::DotCr, b'\n') => {
                self.state = State::LineStart;
                (1, Found::End)
            }
            // A line that began with a dot and then CR, but does not end there: the dot was stuffed, the CR is
            // content. This octet is looked at again.
            (State::DotCr, _) => {
                self.state = State::Line;
                (0, Found::Octets(b"\r"))
            }
            (State::LineCr, b'\n') => {
                self.state = State::LineStart;
                (1, Found::Octets(input.get(..1).unwrap_or_default()))
            }
            (State::LineStart | State::Dot | State::Line | State::LineCr, _) => self.run(input),
        }
    }

    /// From within a line up to the next line that begins with a dot, or to the end of the input.
    fn run<'a>(&mut self, input: &'a [u8]) -> (usize, Found<'a>) {
        if let Some(at) = memmem::find(input, b"\r\n.") {
            self.state = State::Dot;
            let (octets, _) = input.split_at_checked(at.saturating_add(2)).unwrap_or((input, &[]));
            return (octets.len().saturating_add(1), Found::Octets(octets));
        }
        self.state = match input {
            [.., b'\r', b'\n'] => State::LineStart,
            [.., b'\r'] => State::LineCr,
            _ => State::Line,
        };
        (input.len(), Found::Octets(input))
    }
}

#[cfg(test)]
mod tests;
