//! Address lists as ENVELOPE shows them (RFC 5322 §3.4, RFC 9051 §7.5.2).
//!
//! Parses leniently and loses nothing but source routes and comments that name nobody. Strings stay as they were sent:
//! quotes and backslashes are removed, encoded words are not decoded ([`crate::encoded_word::decode`] does that).

/// One entry of an address list. IMAP's markers: no host is the start of a group with its name as the mailbox,
/// neither mailbox nor host is the end of a group. An address without a domain has an empty host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Display name.
    pub name: Option<Vec<u8>>,
    /// Local part, or the name of the group that starts here.
    pub mailbox: Option<Vec<u8>>,
    /// Domain.
    pub host: Option<Vec<u8>>,
}

/// Parses the unfolded value of an address field; at most [`ADDRESSES_MAX`] entries, the others are left out.
pub(crate) fn parse(value: &[u8]) -> Vec<Address> {
    let mut parser = Parser { rest: value, list: Vec::new(), group: Group::Outside, entry: Entry::default() };
    while parser.list.len() < ADDRESSES_MAX && parser.step() {}
    parser.finish_entry();
    if parser.group == Group::Inside {
        parser.list.push(Address::default());
    }
    parser.list
}

/// Reads a quoted string whose opening quote has been taken, onto `text`; returns what follows its closing quote.
pub(crate) fn quoted<'v>(mut rest: &'v [u8], text: &mut Vec<u8>) -> &'v [u8] {
    loop {
        match rest {
            [] => return rest,
            [b'"', after @ ..] => return after,
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
        }
    }
}

/// Reads a comment whose opening parenthesis has been taken, onto `text`; returns what follows it.
pub(crate) fn comment<'v>(mut rest: &'v [u8], text: &mut Vec<u8>) -> &'v [u8] {
    let mut depth = 1usize;
    loop {
        match rest {
            [] => return rest,
            [b')', after @ ..] if depth == 1 => return after,
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                match (rest.first(), byte) {
                    (Some(b'('), _) => depth += 1,
                    (Some(b')'), _) => depth -= 1,
                    _ => {}
                }
                text.push(*byte);
                rest = after;
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Group {
    Outside,
    Inside,
}

/// What has been read of one entry, kept as a phrase and as an addr-spec until it is clear which of them it is.
#[derive(Default)]
struct Entry {
    phrase: Vec<u8>,
    spec: Spec,
    comment: Vec<u8>,
    angle: Option<Spec>,
    is_spaced: bool,
}

#[derive(Default)]
struct Spec {
    text: Vec<u8>,
    at: Option<usize>,
}

impl Spec {
    fn into_mailbox_and_host(mut self) -> (Vec<u8>, Vec<u8>) {
        let host = match self.at {
            Some(at) => self.text.split_off(at + 1),
            None => Vec::new(),
        };
        if self.at.is_some() {
            self.text.pop();
        }
        (self.text, host)
    }
}

struct Parser<'v> {
    rest: &'v [u8],
    list: Vec<Address>,
    group: Group,
    entry: Entry,
}

impl Parser<'_> {
    /// Takes one token; false at the end.
    fn step(&mut self) -> bool {
        let whole = self.rest;
        let Some((&byte, after)) = whole.split_first() else { return false };
        self.rest = after;
        match byte {
            b' ' | b'\t' => self.entry.is_spaced = true,
            b'(' => {
                self.entry.comment.clear();
                self.rest = comment(after, &mut self.entry.comment);
                self.entry.is_spaced = true;
            }
            b'"' => {
                let mut text = Vec::new();
                self.rest = quoted(after, &mut text);
                self.entry.push(&text);
            }
            b'<' => self.angle(),
            b',' => self.finish_entry(),
            // A closing bracket that was never opened.
            b'>' => {}
            b';' => {
                self.finish_entry();
                if self.group == Group::Inside {
                    self.group = Group::Outside;
                    self.list.push(Address::default());
                }
            }
            b':' if self.group == Group::Outside && self.entry.spec.at.is_none() => self.start_group(),
            _ => {
                let length = 1 + after.iter().position(|byte| is_special(*byte)).unwrap_or(after.len());
                let (word, rest) = whole.split_at(length);
                self.rest = rest;
                self.entry.word(word);
            }
        }
        true
    }

    /// ABNF (RFC 5322 §4.4): `"<" [obs-route] addr-spec ">"`, its opening bracket taken.
    fn angle(&mut self) {
        let mut spec = Spec::default();
        let mut rest = self.rest;
        loop {
            rest = match rest {
                [] => break,
                [b'>', after @ ..] => {
                    rest = after;
                    break;
                }
                [b'"', after @ ..] => quoted(after, &mut spec.text),
                [b'(', after @ ..] => comment(after, &mut Vec::new()),
                [b' ' | b'\t', after @ ..] => after,
                // RFC 9051 §7.5.2: source routes are not shown.
                [b':', after @ ..] if spec.at == Some(0) => {
                    spec = Spec::default();
                    after
                }
                // A comma belongs to a route; elsewhere a closing bracket is missing.
                [b',', ..] if spec.at != Some(0) => break,
                [byte, after @ ..] => {
                    if *byte == b'@' && spec.at != Some(0) {
                        spec.at = Some(spec.text.len());
                    }
                    spec.text.push(*byte);
                    after
                }
            };
        }
        self.rest = rest;
        self.entry.angle = Some(spec);
    }

    fn start_group(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        self.group = Group::Inside;
        self.list.push(Address { name: None, mailbox: Some(entry.phrase), host: None });
    }

    fn finish_entry(&mut self) {
        let Entry { phrase, spec, comment, angle, .. } = std::mem::take(&mut self.entry);
        let (name, (mailbox, host)) = match angle {
            Some(angle) => (if phrase.is_empty() { comment } else { phrase }, angle.into_mailbox_and_host()),
            None if spec.at.is_some() => (comment, spec.into_mailbox_and_host()),
            None if !phrase.is_empty() => (comment, (phrase, Vec::new())),
            None => return,
        };
        let name = Some(name.trim_ascii().to_vec()).filter(|name| !name.is_empty());
        self.list.push(Address { name, mailbox: Some(mailbox), host: Some(host) });
    }
}

impl Entry {
    fn word(&mut self, word: &[u8]) {
        if word.starts_with(b"@") {
            self.spec.at = Some(self.spec.text.len());
        }
        self.push(word);
    }

    fn push(&mut self, word: &[u8]) {
        if self.is_spaced && !self.phrase.is_empty() {
            self.phrase.push(b' ');
        }
        self.is_spaced = false;
        self.phrase.extend_from_slice(word);
        self.spec.text.extend_from_slice(word);
    }
}

/// Ends a word. `@` does too, so that it always starts one.
fn is_special(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'(' | b'"' | b'<' | b'>' | b',' | b';' | b':' | b'@')
}

/// Entries of one address field. Those beyond are left out of the envelope; the raw header keeps them.
pub const ADDRESSES_MAX: usize = 5_000;

#[cfg(test)]
mod tests;
