//! What can go wrong, in the classes that every protocol turns into its own answers (STYLE.md, "Errors").

/// The result of a call to the store.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the store did not do what it was asked. Nothing has changed when one is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Refused: no such thing, or none that this access may know of.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Refused: there is one of that name already.
    #[error("{0} already exists")]
    Exists(&'static str),
    /// Refused: something has changed since the state that the write was meant for.
    #[error("changed meanwhile")]
    Changed,
    /// Refused: the access lacks the right.
    #[error("not permitted: {0}")]
    Forbidden(&'static str),
    /// Refused: the account's quota (bytes) would be exceeded.
    #[error("over quota")]
    OverQuota,
    /// Refused: a limit of the store, named, would be exceeded.
    #[error("limit reached: {0}")]
    Limit(&'static str),
    /// Refused: the value can't be stored, and why.
    #[error("invalid {what}: {why}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Unavailable: the disk is full, the database is busy, the process is shutting down. Will pass.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// Bug: an invariant does not hold, or the backend said something unexpected.
    #[error("store invariant broken: {0}")]
    Bug(String),
}
