//! A connection that reads, and the names it has met.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, Row};

use super::connection;
use crate::store::tables::{Met, Param, ReadError, Tables};

/// A connection and the names it has met.
pub(in crate::store) struct Reader {
    pub(super) connection: Connection,
    pub(in crate::store) met: Met,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(Self { connection: connection::reader(path)?, met: Met::default() })
    }

    /// With a connection that may also change who may send and who may watch.
    pub(in crate::store) fn open_writing(path: &Path) -> Result<Self, ReadError> {
        Ok(Self { connection: connection::beside_writer(path)?, met: Met::default() })
    }

    pub(in crate::store) fn tables(&self) -> Tables<'_> {
        Tables::Sqlite(self)
    }

    /// Runs `work` on one state of the database. After an error the connection is not used again.
    pub(in crate::store) fn snapshot<T>(
        &self,
        work: impl FnOnce() -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let answer = work()?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(answer)
    }

    /// Runs `work` as one change, or as none where it refuses. After an error the connection is not used again.
    pub(in crate::store) fn change<T, R>(
        &self,
        work: impl FnOnce() -> Result<Result<T, R>, ReadError>,
    ) -> Result<Result<T, R>, ReadError> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let answer = work()?;
        let end = if answer.is_ok() { "COMMIT" } else { "ROLLBACK" };
        self.connection.prepare_cached(end)?.execute([])?;
        Ok(answer)
    }

    /// Calls `visit` with one row after the other until it breaks off.
    pub(in crate::store) fn walk(
        &self,
        text: &str,
        params: &[Param<'_>],
        mut visit: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        let mut select = self.connection.prepare_cached(text)?;
        for (at, param) in (1..).zip(params) {
            select.raw_bind_parameter(at, param)?;
        }
        let mut rows = select.raw_query();
        while let Some(row) = rows.next()? {
            if visit(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// A stored value that no event can have.
pub(super) fn invalid(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}
