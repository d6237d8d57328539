//! Replies (RFC 5321 §4.2), and the extensions that EHLO is answered with.

/// A reply: its code, and the texts of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, the first from 2 to 5.
    pub code: u16,
    /// What follows code and separator in each line; at least one.
    pub lines: Vec<String>,
}

/// What a reply means for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx, 3xx: done, or go on.
    Yes,
    /// 4xx: not now.
    Later,
    /// 5xx: never.
    No,
}

/// A line that is no part of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a line of an SMTP reply")]
pub struct NotReply;

/// A reply while its lines come in.
#[derive(Debug, Default)]
pub struct Partial {
    code: Option<u16>,
    lines: Vec<String>,
}

impl Partial {
    // RFC 5321 §4.2: Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
    /// Takes a line without its end; the reply, if this was its last.
    ///
    /// # Errors
    /// [`NotReply`], also for another code than in the line before and for more than [`LINES_MAX`] lines.
    pub fn take(&mut self, line: &[u8]) -> Result<Option<Reply>, NotReply> {
        let (digits, rest) = line.split_at_checked(3).ok_or(NotReply)?;
        let digits = std::str::from_utf8(digits).map_err(|_| NotReply)?;
        let code: u16 = digits.parse().map_err(|_| NotReply)?;
        let is_code = digits.bytes().all(|byte| byte.is_ascii_digit()) && (200..600).contains(&code);
        if !is_code || self.code.is_some_and(|before| before != code) || self.lines.len() >= LINES_MAX {
            return Err(NotReply);
        }
        self.code = Some(code);
        let (is_last, text) = match rest.split_first() {
            None => (true, &[][..]),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(NotReply),
        };
        let printable = |char: char| if char.is_control() { ' ' } else { char };
        self.lines.push(String::from_utf8_lossy(text).chars().map(printable).collect());
        Ok(is_last.then(|| Reply { code, lines: std::mem::take(&mut self.lines) }))
    }
}

impl Reply {
    /// What it means.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.code {
            ..400 => Verdict::Yes,
            400..500 => Verdict::Later,
            _ => Verdict::No,
        }
    }

    // RFC 8621 §7: the hyphen is a space, what further lines have in common with the first (the enhanced status code) is left
    // out, and lines are joined by spaces.
    /// All of it on one line, at most [`SHOWN_CHARS_MAX`] characters.
    #[must_use]
    pub fn shown(&self) -> String {
        let (first, others) = self.lines.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let status = first.split_once(' ').map(|(status, _)| status).filter(|status| is_status(status));
        let mut shown = format!("{} {first}", self.code);
        for line in others {
            let rest = status.and_then(|status| line.strip_prefix(status)).unwrap_or(line);
            shown.push(' ');
            shown.push_str(rest.trim());
        }
        shown.trim_end().chars().take(SHOWN_CHARS_MAX).collect()
    }
}

/// RFC 3463 §2: status-code = class "." subject "." detail
fn is_status(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_number)
}

/// What a server can do besides RFC 5321, by the keywords of its reply to EHLO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 1870: whether it is known, and the most octets of a message, 0 if that is not said.
    pub size: Option<u64>,
    /// RFC 4954: mechanisms.
    pub mechanisms: Vec<String>,
}

impl Extensions {
    /// Reads the reply to EHLO; what is not known is passed over.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        let mut extensions = Self::default();
        // RFC 5321 §4.1.1.1: the first line is the server's name.
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "STARTTLS" => extensions.starttls = true,
                "8BITMIME" => extensions.eight_bit_mime = true,
                "SMTPUTF8" => extensions.smtputf8 = true,
                "DSN" => extensions.dsn = true,
                "SIZE" => {
                    extensions.size = Some(words.next().and_then(|size| size.parse().ok()).unwrap_or(0))
                }
                "AUTH" => extensions.mechanisms = words.map(str::to_ascii_uppercase).collect(),
                _ => {}
            }
        }
        extensions
    }
}

/// Lines of a reply; one more is no reply.
pub const LINES_MAX: usize = 100;
/// Octets of a line; a longer one is no reply. RFC 5321 §4.5.3.1.5 has 512.
pub const LINE_BYTES_MAX: u64 = 4096;
/// Characters of a reply that are kept.
pub const SHOWN_CHARS_MAX: usize = 1000;

#[cfg(test)]
mod tests;
