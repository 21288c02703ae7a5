//! The tables of a store as answers are read from them: one set of statements for all databases.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use vibetea_protocol::timestamp::InvalidTimestamp;
use vibetea_protocol::{EventType, SourceId, Timestamp};

use super::{StoreError, postgres, sqlite};

const SOURCE_ID: Statement = Statement::both("SELECT id FROM source WHERE name = ?1");
const SOURCE_NAME: Statement = Statement::both("SELECT name FROM source WHERE id = ?1");
const NAME: Statement = Statement::both("SELECT text FROM name WHERE id = ?1");
/// Names a reader keeps; sources are few, but without authentication anybody may invent one.
const KEPT_NAMES: usize = 4096;

/// A question in the language of each database; `?1` stands for the first parameter.
#[derive(Debug)]
pub(super) struct Statement {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Statement {
    /// One text that all databases understand.
    pub(super) const fn both(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }

    /// A text for each database; their columns are the same.
    pub(super) const fn per_database(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

/// A value of a statement's parameter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Param<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(&'a [u8]),
    /// A list; `SQLite` takes it as JSON, for `json_each`.
    Numbers(Option<&'a [i64]>),
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Param<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Param<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8; 32]> for Param<'a> {
    fn from(bytes: &'a [u8; 32]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<Option<&'a [i64]>> for Param<'a> {
    fn from(numbers: Option<&'a [i64]>) -> Self {
        Self::Numbers(numbers)
    }
}

impl From<Timestamp> for Param<'_> {
    fn from(moment: Timestamp) -> Self {
        moment.as_micros().into()
    }
}

impl From<Option<Timestamp>> for Param<'_> {
    fn from(moment: Option<Timestamp>) -> Self {
        moment.map(Timestamp::as_micros).into()
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(number) => number.map_or(ValueRef::Null, ValueRef::Integer),
            Self::Text(text) => text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Numbers(None) => ValueRef::Null,
            Self::Numbers(Some(numbers)) => {
                return Ok(ToSqlOutput::Owned(Value::Text(format!("{numbers:?}"))));
            }
        }))
    }
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL, or the way to it, failed.
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
    /// A stored value that no event can have.
    #[error("a stored {what} is invalid: {detail}")]
    Invalid { what: &'static str, detail: String },
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Sqlite(error) => sqlite::store_error(&error),
            ReadError::Postgres(error) => postgres::store_error(&error),
            ReadError::Invalid { .. } => Self::Internal(error.to_string()),
        }
    }
}

/// A stored value that no event can have.
pub(super) fn invalid(what: &'static str, error: &impl ToString) -> ReadError {
    ReadError::Invalid { what, detail: error.to_string() }
}

/// A row of an answer. Columns are counted from 0.
#[derive(Clone, Copy)]
pub(super) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a PgRow),
}

impl<'a> Row<'a> {
    pub(super) fn integer(self, column: usize) -> Result<i64, ReadError> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// A count or a place: never negative in the database.
    pub(super) fn natural(self, column: usize) -> Result<u64, ReadError> {
        self.integer(column).map(i64::unsigned_abs)
    }

    /// None for NULL.
    pub(super) fn optional_integer(self, column: usize) -> Result<Option<i64>, ReadError> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// None for NULL.
    pub(super) fn optional_moment(self, column: usize) -> Result<Option<Timestamp>, ReadError> {
        self.optional_integer(column)?.map(moment).transpose()
    }

    /// None for NULL.
    pub(super) fn optional_text(self, column: usize) -> Result<Option<&'a str>, ReadError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub(super) fn text(self, column: usize) -> Result<&'a str, ReadError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// None for NULL.
    pub(super) fn bytes(self, column: usize) -> Result<Option<&'a [u8]>, ReadError> {
        match self {
            Self::Sqlite(row) => {
                Ok(row.get_ref(column)?.as_bytes_or_null().map_err(rusqlite::Error::from)?)
            }
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// The type of an event, from its number.
    pub(super) fn event_type(self, column: usize) -> Result<EventType, ReadError> {
        let number = self.integer(column)?;
        let known = u8::try_from(number).ok().and_then(EventType::from_number);
        known.ok_or_else(|| invalid("event type", &number))
    }
}

/// A moment that is stored as microseconds.
pub(super) fn moment(micros: i64) -> Result<Timestamp, ReadError> {
    Timestamp::from_micros(micros).ok_or_else(|| invalid("time", &InvalidTimestamp))
}

/// The names a reader has met. What it has read is committed, so a name never changes.
#[derive(Debug, Default)]
pub(super) struct Met {
    sources: RefCell<HashMap<i64, Arc<SourceId>>>,
    /// Names of projects and tools.
    texts: RefCell<HashMap<i64, String>>,
}

impl Met {
    /// Of another connection nobody knows whether it leads to the same database.
    pub(super) fn forget(&self) {
        self.sources.borrow_mut().clear();
        self.texts.borrow_mut().clear();
    }
}

fn known<T: Clone>(met: &RefCell<HashMap<i64, T>>, number: i64) -> Option<T> {
    met.borrow().get(&number).cloned()
}

fn keep<T: Clone>(met: &RefCell<HashMap<i64, T>>, number: i64, name: &T) {
    let mut met = met.borrow_mut();
    if met.len() >= KEPT_NAMES {
        met.clear();
    }
    met.insert(number, name.clone());
}

/// The tables, by a connection that reads. All questions of one answer belong into one [`Self::snapshot`].
#[derive(Clone, Copy)]
pub(super) enum Tables<'a> {
    Sqlite(&'a sqlite::Reader),
    Postgres(&'a postgres::Reader),
}

impl Tables<'_> {
    /// Runs `work` on one state of the database. After an error the connection is not used again.
    pub(super) fn snapshot<T>(self, work: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.snapshot(work),
            Self::Postgres(reader) => reader.snapshot(work),
        }
    }

    /// Runs `work` as one change, or as none where it refuses. After an error the connection is not used again.
    pub(super) fn change<T, R>(
        self,
        work: impl FnOnce() -> Result<Result<T, R>, ReadError>,
    ) -> Result<Result<T, R>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.change(work),
            Self::Postgres(reader) => reader.change(work),
        }
    }

    /// Runs a statement that answers nothing.
    pub(super) fn execute(self, statement: &Statement, params: &[Param<'_>]) -> Result<(), ReadError> {
        self.each(statement, params, |_| Ok(()))
    }

    /// Calls `visit` with every row.
    pub(super) fn each(
        self,
        statement: &Statement,
        params: &[Param<'_>],
        mut visit: impl FnMut(Row<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        match self {
            Self::Sqlite(reader) => reader
                .walk(statement.sqlite, params, |row| visit(Row::Sqlite(row)).map(ControlFlow::Continue)),
            Self::Postgres(reader) => {
                let rows = reader.rows(statement.postgres, params)?;
                rows.iter().try_for_each(|row| visit(Row::Postgres(row)))
            }
        }
    }

    /// Calls `visit` with one row after the other until it breaks off; it may ask further questions. For
    /// PostgreSQL the statement ends in an `ORDER BY` that leaves nothing open.
    pub(super) fn walk(
        self,
        statement: &Statement,
        params: &[Param<'_>],
        mut visit: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        match self {
            Self::Sqlite(reader) => reader.walk(statement.sqlite, params, |row| visit(Row::Sqlite(row))),
            Self::Postgres(reader) => {
                reader.walk(statement.postgres, params, |row| visit(Row::Postgres(row)))
            }
        }
    }

    /// What `read` makes of the first row; none where there is no row.
    pub(super) fn one<T>(
        self,
        statement: &Statement,
        params: &[Param<'_>],
        mut read: impl FnMut(Row<'_>) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        match self {
            Self::Sqlite(reader) => {
                let mut found = None;
                reader.walk(statement.sqlite, params, |row| {
                    found = Some(read(Row::Sqlite(row))?);
                    Ok(ControlFlow::Break(()))
                })?;
                Ok(found)
            }
            Self::Postgres(reader) => {
                let rows = reader.rows(statement.postgres, params)?;
                rows.first().map(|row| read(Row::Postgres(row))).transpose()
            }
        }
    }

    /// Whether there is a row.
    pub(super) fn exists(self, statement: &Statement, params: &[Param<'_>]) -> Result<bool, ReadError> {
        Ok(self.one(statement, params, |_| Ok(()))?.is_some())
    }

    /// The number of a source, if it ever sent an event.
    pub(super) fn source_id(self, name: &str) -> Result<Option<i64>, ReadError> {
        self.one(&SOURCE_ID, &[name.into()], |row| row.integer(0))
    }

    /// The name of a source.
    pub(super) fn source_name(self, number: i64) -> Result<Arc<SourceId>, ReadError> {
        if let Some(name) = known(&self.met().sources, number) {
            return Ok(name);
        }
        let read = |row: Row<'_>| row.text(0)?.parse::<SourceId>().map_err(|error| invalid("source", &error));
        let name = self.one(&SOURCE_NAME, &[number.into()], read)?;
        let name = Arc::new(name.ok_or_else(|| invalid("number of a source", &number))?);
        keep(&self.met().sources, number, &name);
        Ok(name)
    }

    /// The name of a project or a tool; none for the number 0, which stands for no name.
    pub(super) fn name(self, number: i64) -> Result<Option<String>, ReadError> {
        if number == 0 {
            return Ok(None);
        }
        if let Some(text) = known(&self.met().texts, number) {
            return Ok(Some(text));
        }
        let text = self.one(&NAME, &[number.into()], |row| row.text(0).map(str::to_owned))?;
        let text = text.ok_or_else(|| invalid("number of a name", &number))?;
        keep(&self.met().texts, number, &text);
        Ok(Some(text))
    }

    fn met(&self) -> &Met {
        match self {
            Self::Sqlite(reader) => &reader.met,
            Self::Postgres(reader) => &reader.met,
        }
    }
}
