//! The SQLite backend: one database in WAL mode, one writer with group commit, a pool of readers.
//!
//! Here is how mail is laid out in tables and how transactions run. Not here: rights, chunks, caches and everything
//! asynchronous, which is in `store` and would be the same over another database.
//!
//! # Invariants
//! - Only [`writer`] writes (and, in another process, the writer of that one: SQLite's lock keeps them apart).
//! - Every statement is prepared, cached, and carries a name that its errors show.
//! - Functions take the account first and put it into every `WHERE`.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::{AccountId, Cause, CredentialId, Error, Flags, Origin, Result, SessionId, UnixTime};

pub(crate) mod accounts;
pub(crate) mod acl;
pub(crate) mod across;
pub(crate) mod annotations;
pub(crate) mod append;
pub(crate) mod arrivals;
pub(crate) mod backup;
pub(crate) mod blobs;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod credentials;
pub(crate) mod edit;
pub(crate) mod email_edit;
pub(crate) mod email_log;
pub(crate) mod emails;
pub(crate) mod flags;
pub(crate) mod identities;
pub(crate) mod index;
pub(crate) mod log;
pub(crate) mod mailboxes;
pub(crate) mod moves;
pub(crate) mod objects;
pub(crate) mod pairs;
pub(crate) mod push;
pub(crate) mod push_elsewhere;
pub(crate) mod push_jmap;
pub(crate) mod push_request;
pub(crate) mod push_state;
pub(crate) mod readers;
pub(crate) mod reading;
pub(crate) mod rename;
pub(crate) mod reports;
pub(crate) mod revocations;
pub(crate) mod schema;
pub(crate) mod submission_queue;
pub(crate) mod submissions;
pub(crate) mod upkeep;
pub(crate) mod uploads;
pub(crate) mod vacations;
pub(crate) mod writer;

/// A connection inside a transaction, with statements that say what they are when they fail.
#[derive(Clone, Copy)]
pub(crate) struct Sql<'c>(pub(crate) &'c Connection);

impl Sql<'_> {
    /// Runs a statement that returns nothing; the number of rows it touched.
    pub(crate) fn run(self, what: &'static str, sql: &str, params: impl Params) -> Result<usize> {
        self.0.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).map_err(failed(what))
    }

    /// The one row of a statement, if there is one.
    pub(crate) fn one<T>(
        self,
        what: &'static str,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.0
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(params, read).optional())
            .map_err(failed(what))
    }

    /// Every row of a statement.
    pub(crate) fn all<T>(
        self,
        what: &'static str,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.0
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, read)?.collect())
            .map_err(failed(what))
    }
}

/// Sorts a backend's error into the classes of [`Error`], naming the statement.
pub(crate) fn failed(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    move |error| match error.sqlite_error_code() {
        Some(
            Code::DiskFull
            | Code::DatabaseBusy
            | Code::DatabaseLocked
            | Code::SystemIoFailure
            | Code::CannotOpen
            | Code::OutOfMemory
            | Code::ReadOnly
            | Code::OperationInterrupted
            | Code::PermissionDenied,
        ) => Error::Unavailable(format!("{what}: {error}")),
        _ => Error::Bug(format!("{what}: {error}")),
    }
}

/// A number that is never negative, as the database keeps it.
pub(crate) fn int(number: u64) -> i64 {
    number.cast_signed()
}

/// And back.
pub(crate) fn uint(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// A time that may be absent.
pub(crate) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UnixTime>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(UnixTime))
}

/// Flags as the two columns `flags_low`, `flags_high`.
pub(crate) fn halves(flags: Flags) -> (i64, i64) {
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default().cast_signed();
    (half(flags.0), half(flags.0 >> 64))
}

/// And back, from two neighbouring columns.
pub(crate) fn flags(row: &Row<'_>, column: usize) -> rusqlite::Result<Flags> {
    Ok(Flags(u128::from(uint(row, column)?) | u128::from(uint(row, column + 1)?) << 64))
}

/// Origin as the two columns `credential_id`, `session_id`; 0 is none.
pub(crate) fn origin_columns(origin: Origin) -> (i64, i64) {
    (int(origin.credential.map_or(0, |id| id.0)), int(origin.session.map_or(0, |id| id.0)))
}

/// And back, from two neighbouring columns.
pub(crate) fn origin(row: &Row<'_>, column: usize) -> rusqlite::Result<Origin> {
    let present = |id: u64| (id != 0).then_some(id);
    Ok(Origin {
        credential: present(uint(row, column)?).map(CredentialId),
        session: present(uint(row, column + 1)?).map(SessionId),
    })
}

/// The numbers that causes are stored as: never change one.
const CAUSES: [(i64, Cause); 9] = [
    (0, Cause::Delivery),
    (1, Cause::Append),
    (2, Cause::Import),
    (3, Cause::Copy),
    (4, Cause::Move),
    (5, Cause::Flags),
    (6, Cause::Expunge),
    (7, Cause::Mailbox),
    (8, Cause::Admin),
];

/// A cause as its column.
pub(crate) fn cause_column(cause: Cause) -> i64 {
    CAUSES.iter().find(|(_, known)| *known == cause).map_or(8, |(number, _)| *number)
}

/// And back.
pub(crate) fn cause(row: &Row<'_>, column: usize) -> rusqlite::Result<Cause> {
    let number: i64 = row.get(column)?;
    Ok(CAUSES.iter().find(|(known, _)| *known == number).map_or(Cause::Admin, |(_, cause)| *cause))
}

/// The answer for an account that is not there.
pub(crate) fn no_account(_: AccountId) -> Error {
    Error::NotFound("account")
}
