//! Where a configuration value comes from: a line of the TOML file or an environment variable.
//!
//! [`Source`] holds the raw values of both, each with its [`Place`], so that whoever finds a value wrong can say
//! where it stands. It knows no key by name: [`Reader`] asks for the keys one by one, and what nobody asked for is
//! unknown. So the list of keys exists once, in the code that reads them.
//!
//! A variable wins over the file. `listen.imap` is `MAILBELL_LISTEN_IMAP`; lists are separated by commas there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a value was written, for error messages and for relative paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A line of the file, counted from one.
    Line {
        /// The file as it was named to us.
        file: PathBuf,
        /// Counted from one.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// A value before anybody has said what it means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// A TOML string.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array of strings.
    List(Vec<String>),
    /// The text of an environment variable, which has no type of its own.
    Variable(String),
    /// A TOML value of a kind that no key takes; its name.
    Other(&'static str),
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    place: Place,
    key: Option<String>,
    problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}: {key}: {}", self.place, self.problem),
            None => write!(f, "{}: {}", self.place, self.problem),
        }
    }
}

impl ConfigError {
    /// Where it stands among others; what is not in the file comes last.
    pub(crate) const fn line(&self) -> usize {
        match &self.place {
            Place::Line { line, .. } => *line,
            Place::Variable(_) => usize::MAX,
        }
    }
}

/// The raw values of the file and of the environment.
#[derive(Debug, Default)]
pub(crate) struct Source {
    file: BTreeMap<String, (Raw, Place)>,
    variables: BTreeMap<String, String>,
}

impl Source {
    /// Takes the text of a TOML file; `file` is the name that error messages give it.
    pub(crate) fn parse_file(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let text = Text { file, text };
        self.take_table(&text, "", text.parse()?.get_ref());
        Ok(())
    }

    /// Takes the text of a TOML file with a list of tables of this name (`[[name]]`): gives a source for each, whose keys
    /// begin with `name.`, and the place where it begins.
    pub(crate) fn parse_file_with_list(
        &mut self,
        file: &Path,
        text: &str,
        name: &str,
    ) -> Result<Vec<(Self, Place)>, ConfigError> {
        let text = Text { file, text };
        let mut parsed = text.parse()?;
        let mut sources = Vec::new();
        if let Some(list) = parsed.get_mut().remove(name) {
            let begins = list.span().start;
            let items = list.get_ref().as_array().map(|items| items.iter().collect::<Vec<_>>());
            for item in items.unwrap_or_else(|| vec![&list]) {
                let DeValue::Table(table) = item.get_ref() else {
                    let problem = format!("is not written as [[{name}]]");
                    let place = line_of(file, text.text, begins);
                    return Err(ConfigError { place, key: Some(name.to_owned()), problem });
                };
                let mut source = Self::default();
                source.take_table(&text, name, table);
                sources.push((source, line_of(file, text.text, item.span().start)));
            }
        }
        self.take_table(&text, "", parsed.get_ref());
        Ok(sources)
    }

    /// Takes those of the process's variables that begin with `MAILBELL_`.
    pub(crate) fn take_variables(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        self.variables.extend(variables.into_iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)));
    }

    fn take_table(&mut self, text: &Text<'_>, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            match value.get_ref() {
                DeValue::Table(inner) => self.take_table(text, &name, inner),
                other => {
                    let place = line_of(text.file, text.text, key.span().start);
                    self.file.insert(name, (raw(other), place));
                }
            }
        }
    }
}

/// Hands out the values key by key and gathers what is wrong with them.
#[derive(Debug)]
pub(crate) struct Reader {
    source: Source,
    asked: Vec<&'static str>,
    errors: Vec<ConfigError>,
}

impl Reader {
    /// Begins to read `source`.
    pub(crate) fn new(source: Source) -> Self {
        Self { source, asked: Vec::new(), errors: Vec::new() }
    }

    /// The value of `key` as `parse` understands it, or `default` when it is not set or wrong.
    /// What is wrong is told by [`Reader::finish`].
    pub(crate) fn read<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&Raw) -> Result<T, String>,
    ) -> T {
        self.read_placed(key, parse).map_or(default, |(value, _)| value)
    }

    /// As [`Reader::read`] with no default, and with the place of the value.
    pub(crate) fn read_placed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&Raw) -> Result<T, String>,
    ) -> Option<(T, Place)> {
        self.asked.push(key);
        let from_file = self.source.file.remove(key);
        let variable = variable_name(key);
        let (raw, place) = match self.source.variables.remove(&variable) {
            Some(text) => (Raw::Variable(text), Place::Variable(variable)),
            None => from_file?,
        };
        match parse(&raw) {
            Ok(value) => Some((value, place)),
            Err(problem) => {
                self.refuse(key, place, problem);
                None
            }
        }
    }

    /// Notes that the value of `key` can't be used, although it has the right form.
    pub(crate) fn refuse(&mut self, key: &str, place: Place, problem: String) {
        self.errors.push(ConfigError { place, key: Some(key.to_owned()), problem });
    }

    /// Whether something is wrong with the value of `key`.
    pub(crate) fn has_error_for(&self, key: &str) -> bool {
        self.errors.iter().any(|error| error.key.as_deref() == Some(key))
    }

    /// Ends the reading: the keys that exist, the variables that name none of them, and what was wrong.
    pub(crate) fn finish(mut self) -> Finished {
        for (key, (_, place)) in std::mem::take(&mut self.source.file) {
            let problem = match nearest(&key, &self.asked) {
                Some(known) => format!("unknown key; did you mean {known}?"),
                None => "unknown key".to_owned(),
            };
            self.refuse(&key, place, problem);
        }
        self.errors.sort_by_key(ConfigError::line);
        Finished {
            keys: self.asked,
            unknown_variables: self.source.variables.into_keys().collect(),
            errors: self.errors,
        }
    }
}

/// What [`Reader::finish`] knows when every key was asked for.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Every key there is, in the order of reading.
    pub(crate) keys: Vec<&'static str>,
    /// Variables that begin like ours and name no key.
    pub(crate) unknown_variables: Vec<String>,
    /// Everything that is wrong, by line.
    pub(crate) errors: Vec<ConfigError>,
}

/// The environment variable that stands for `key`.
pub(crate) fn variable_name(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('.', "_").to_uppercase())
}

struct Text<'a> {
    file: &'a Path,
    text: &'a str,
}

impl<'a> Text<'a> {
    fn parse(&self) -> Result<Spanned<DeTable<'a>>, ConfigError> {
        DeTable::parse(self.text).map_err(|e| ConfigError {
            place: line_of(self.file, self.text, e.span().map_or(0, |span| span.start)),
            key: None,
            problem: e.message().trim_end().to_owned(),
        })
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix())
                .map_or(Raw::Other("integer of over 64 bits"), Raw::Integer)
        }
        DeValue::Boolean(flag) => Raw::Boolean(*flag),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map_or(Raw::Other("array of something else than strings"), Raw::List),
        other => Raw::Other(other.type_str()),
    }
}

fn line_of(file: &Path, text: &str, offset: usize) -> Place {
    let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    Place::Line { file: file.to_owned(), line }
}

/// The known key that was probably meant: the closest by edit distance, if it is close at all.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let close = known.iter().map(|name| (edit_distance(key, name), *name)).min()?;
    let same_last = known.iter().find(|name| last(name) == last(key)).copied();
    if close.0 <= EDIT_DISTANCE_MAX { Some(close.1) } else { same_last }
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            *cell = replaced.min(before + 1).min(diagonal + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// What the names of our variables begin with.
const VARIABLE_PREFIX: &str = "MAILBELL_";

/// A key that is further from every known one than this gets no suggestion.
const EDIT_DISTANCE_MAX: usize = 3;
