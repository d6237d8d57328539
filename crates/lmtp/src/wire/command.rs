//! A line to a command (RFC 5321 §4.1.1 as RFC 2033 §4 alters it, with the extensions that LHLO announces).
//!
//! What a command means in the state that the session is in is not decided here.

use delivery::BodyType;

use super::path::{self, Path};

/// A command that is syntactically right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// RFC 2033 §4.1, with the client's name: a domain or an address literal.
    Lhlo(&'a str),
    /// `HELO` or `EHLO`, which LMTP does not have.
    Helo,
    /// RFC 5321 §4.1.1.2
    Mail(Mail<'a>),
    /// RFC 5321 §4.1.1.3
    Rcpt(Path<'a>),
    /// RFC 5321 §4.1.1.4
    Data,
    /// RFC 3030 §2
    Bdat {
        /// Octets that follow the line.
        size: u64,
        /// Whether they are the last of the message.
        last: bool,
    },
    /// RFC 5321 §4.1.1.5
    Rset,
    /// RFC 5321 §4.1.1.6
    Vrfy,
    /// RFC 5321 §4.1.1.7
    Expn,
    /// RFC 5321 §4.1.1.8
    Help,
    /// RFC 5321 §4.1.1.9
    Noop,
    /// RFC 5321 §4.1.1.10
    Quit,
    /// RFC 3207 §4
    StartTls,
}

/// `MAIL` with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail<'a> {
    /// `None` is the null reverse-path.
    pub reverse_path: Option<Path<'a>>,
    /// RFC 1870 §6: `SIZE=`, octets.
    pub size: Option<u64>,
    /// RFC 6152 §3, RFC 3030 §3: `BODY=`
    pub body: Option<BodyType>,
    /// RFC 6531 §3.4
    pub smtputf8: bool,
}

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxError {
    /// It has octets that no command may have: control characters, or what is not UTF-8.
    Octets,
    /// Its first word is none of ours.
    UnknownCommand,
    /// The arguments are not as they should be, which is how.
    Arguments(&'static str),
    /// The reverse-path of MAIL.
    ReversePath,
    /// The forward-path of RCPT.
    ForwardPath,
    /// A parameter of MAIL or RCPT that was not announced.
    UnknownParameter,
    /// A parameter that was announced, twice or with a value that it can't have.
    Parameter(&'static str),
    /// `BDAT` without a readable size: where the next command begins is not known.
    ChunkSize,
}

/// Reads a line, given without its CRLF.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &[u8]) -> Result<Command<'_>, SyntaxError> {
    // RFC 5321 §4.1.1: white space before the CRLF is tolerated.
    let line = line.trim_ascii_end();
    if line.iter().any(u8::is_ascii_control) {
        return Err(SyntaxError::Octets);
    }
    let line = std::str::from_utf8(line).map_err(|_| SyntaxError::Octets)?;
    let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let arguments = arguments.trim_matches(' ');
    let known = VERBS.iter().find(|(name, _)| name.eq_ignore_ascii_case(verb));
    let (_, parse) = known.ok_or(SyntaxError::UnknownCommand)?;
    parse(arguments)
}

type Parser = for<'a> fn(&'a str) -> Result<Command<'a>, SyntaxError>;

const VERBS: [(&str, Parser); 14] = [
    ("MAIL", mail),
    ("RCPT", rcpt),
    ("DATA", |arguments| alone(arguments, Command::Data, "DATA")),
    ("BDAT", bdat),
    ("LHLO", lhlo),
    ("RSET", |arguments| alone(arguments, Command::Rset, "RSET")),
    ("QUIT", |arguments| alone(arguments, Command::Quit, "QUIT")),
    ("NOOP", |_| Ok(Command::Noop)),
    ("STARTTLS", |arguments| alone(arguments, Command::StartTls, "STARTTLS")),
    ("VRFY", |arguments| some(arguments, Command::Vrfy, "VRFY address")),
    ("EXPN", |arguments| some(arguments, Command::Expn, "EXPN list")),
    ("HELP", |_| Ok(Command::Help)),
    ("HELO", |_| Ok(Command::Helo)),
    ("EHLO", |_| Ok(Command::Helo)),
];

fn alone<'a>(arguments: &str, command: Command<'a>, usage: &'static str) -> Result<Command<'a>, SyntaxError> {
    if arguments.is_empty() { Ok(command) } else { Err(SyntaxError::Arguments(usage)) }
}

fn some<'a>(arguments: &str, command: Command<'a>, usage: &'static str) -> Result<Command<'a>, SyntaxError> {
    if arguments.is_empty() { Err(SyntaxError::Arguments(usage)) } else { Ok(command) }
}

/// RFC 5321 §4.1.1.1. The name goes into `Received`, so it must be what may stand there.
fn lhlo(arguments: &str) -> Result<Command<'_>, SyntaxError> {
    // RFC 6531 §3.7.1 asks for A-labels here: what the server can do is not known yet.
    if arguments.is_ascii() && path::is_domain(arguments) {
        Ok(Command::Lhlo(arguments))
    } else {
        Err(SyntaxError::Arguments("LHLO domain"))
    }
}

fn mail(arguments: &str) -> Result<Command<'_>, SyntaxError> {
    let arguments = after_keyword(arguments, "FROM:").ok_or(SyntaxError::Arguments("MAIL FROM:<address>"))?;
    let (reverse_path, parameters) = path::parse(arguments).map_err(|_| SyntaxError::ReversePath)?;
    let mut mail = Mail { reverse_path, size: None, body: None, smtputf8: false };
    for (keyword, value) in split_parameters(parameters).ok_or(SyntaxError::ReversePath)? {
        if keyword.eq_ignore_ascii_case("SIZE") {
            let size = value.and_then(digits).ok_or(SyntaxError::Parameter("SIZE"))?;
            set_once(&mut mail.size, size, "SIZE")?;
        } else if keyword.eq_ignore_ascii_case("BODY") {
            let body = value.and_then(body_type).ok_or(SyntaxError::Parameter("BODY"))?;
            set_once(&mut mail.body, body, "BODY")?;
        } else if keyword.eq_ignore_ascii_case("SMTPUTF8") {
            if value.is_some() || mail.smtputf8 {
                return Err(SyntaxError::Parameter("SMTPUTF8"));
            }
            mail.smtputf8 = true;
        } else {
            return Err(SyntaxError::UnknownParameter);
        }
    }
    Ok(Command::Mail(mail))
}

fn rcpt(arguments: &str) -> Result<Command<'_>, SyntaxError> {
    let arguments = after_keyword(arguments, "TO:").ok_or(SyntaxError::Arguments("RCPT TO:<address>"))?;
    let (forward_path, parameters) = path::parse(arguments).map_err(|_| SyntaxError::ForwardPath)?;
    let forward_path = forward_path.ok_or(SyntaxError::ForwardPath)?;
    match split_parameters(parameters).ok_or(SyntaxError::ForwardPath)?.next() {
        // RFC 3461 (not done: DSN is not announced, the MTA in front sends the reports).
        Some(_) => Err(SyntaxError::UnknownParameter),
        None => Ok(Command::Rcpt(forward_path)),
    }
}

/// RFC 3030 §2: `bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]`
fn bdat(arguments: &str) -> Result<Command<'_>, SyntaxError> {
    let (size, marker) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let size = digits(size).ok_or(SyntaxError::ChunkSize)?;
    match marker.trim_start_matches(' ') {
        "" => Ok(Command::Bdat { size, last: false }),
        marker if marker.eq_ignore_ascii_case("LAST") => Ok(Command::Bdat { size, last: true }),
        _ => Err(SyntaxError::ChunkSize),
    }
}

fn after_keyword<'a>(arguments: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = arguments.split_at_checked(keyword.len())?;
    // RFC 5321 §3.3 has no space after the colon; people who type commands do.
    head.eq_ignore_ascii_case(keyword).then(|| rest.trim_start_matches(' '))
}

/// RFC 5321 §4.1.2: `Mail-parameters = esmtp-param *(SP esmtp-param)`, each a keyword and perhaps a value.
/// `None` if no space parts them from the path.
fn split_parameters(input: &str) -> Option<impl Iterator<Item = (&str, Option<&str>)>> {
    if !input.is_empty() && !input.starts_with(' ') {
        return None;
    }
    let parameters = input.split(' ').filter(|parameter| !parameter.is_empty());
    Some(parameters.map(|parameter| match parameter.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (parameter, None),
    }))
}

fn set_once<T>(slot: &mut Option<T>, value: T, keyword: &'static str) -> Result<(), SyntaxError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(SyntaxError::Parameter(keyword)),
    }
}

fn body_type(value: &str) -> Option<BodyType> {
    if value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME") {
        Some(BodyType::Lines)
    } else if value.eq_ignore_ascii_case("BINARYMIME") {
        Some(BodyType::Binary)
    } else {
        None
    }
}

/// RFC 1870 §3 and RFC 3030 §2: 1*20DIGIT, as far as 64 bits go.
fn digits(value: &str) -> Option<u64> {
    let are_digits = !value.is_empty() && value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit());
    if are_digits { value.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
