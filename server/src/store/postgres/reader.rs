//! A connection that reads, used on a blocking thread, and the names it has met.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::ControlFlow;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection};
use tokio::runtime::Handle;

use super::connection::Target;
use crate::store::tables::{Met, Param, ReadError, Tables};

/// Each question gets a plan for its very parameters: ranges differ too much for a common one, and a filter that is
/// not asked for is left out. What is read through a cursor mostly ends early.
const SETTINGS: &str = "SET default_transaction_read_only = on; SET plan_cache_mode = force_custom_plan;
    SET cursor_tuple_fraction = 0.001";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Connections do not write unless they say so.
const BEGIN_CHANGE: &str = "BEGIN READ WRITE";

/// Rows of a walk that are fetched at first, which are mostly all that is needed, and then at a time.
const FIRST_ROWS: usize = 256;
const MORE_ROWS: usize = 1024;

/// A connection and the names it has met. After an error it is not used again.
pub(in crate::store) struct Reader {
    target: Target,
    handle: Handle,
    connection: RefCell<PgConnection>,
    /// Whether the connection has answered before, so that it may have been lost since.
    was_used: Cell<bool>,
    in_snapshot: Cell<bool>,
    /// How many cursors are open.
    cursors: Cell<usize>,
    pub(in crate::store) met: Met,
}

impl Reader {
    /// Connects, on a blocking thread of the runtime.
    pub(super) fn open(target: &Target, handle: &Handle) -> Result<Self, ReadError> {
        let connection = handle.block_on(connect(target))?;
        Ok(Self {
            target: target.clone(),
            handle: handle.clone(),
            connection: RefCell::new(connection),
            was_used: Cell::new(false),
            in_snapshot: Cell::new(false),
            cursors: Cell::new(0),
            met: Met::default(),
        })
    }

    pub(in crate::store) fn tables(&self) -> Tables<'_> {
        Tables::Postgres(self)
    }

    /// Runs `work` on one state of the database; within such work, on the same one.
    pub(in crate::store) fn snapshot<T>(
        &self,
        work: impl FnOnce() -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        if self.in_snapshot.get() {
            return work();
        }
        self.rows(BEGIN, &[])?;
        self.in_snapshot.set(true);
        let answer = work()?;
        self.rows("COMMIT", &[])?;
        self.in_snapshot.set(false);
        Ok(answer)
    }

    /// Runs `work` as one change, or as none where it refuses.
    pub(in crate::store) fn change<T, R>(
        &self,
        work: impl FnOnce() -> Result<Result<T, R>, ReadError>,
    ) -> Result<Result<T, R>, ReadError> {
        self.rows(BEGIN_CHANGE, &[])?;
        self.in_snapshot.set(true);
        let answer = work()?;
        self.rows(if answer.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[])?;
        self.in_snapshot.set(false);
        Ok(answer)
    }

    /// What `ask` is told. Where the connection was lost while nobody used it, `ask` is called again with a new one.
    pub(super) fn run<T>(
        &self,
        mut ask: impl AsyncFnMut(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, ReadError> {
        let connection = &mut *self.connection.borrow_mut();
        let answer = self.handle.block_on(async {
            match self.target.within(ask(connection)).await {
                Err(error) if self.may_be_stale() && is_lost(&error) => {
                    *connection = connect(&self.target).await?;
                    self.met.forget();
                    self.target.within(ask(connection)).await
                }
                outcome => outcome,
            }
        })?;
        self.was_used.set(true);
        Ok(answer)
    }

    fn may_be_stale(&self) -> bool {
        self.was_used.get() && !self.in_snapshot.get()
    }

    /// All rows.
    pub(in crate::store) fn rows(&self, text: &str, params: &[Param<'_>]) -> Result<Vec<PgRow>, ReadError> {
        if params.iter().any(is_in_no_row) {
            return Ok(Vec::new());
        }
        // in our statements a question mark is nothing but the sign of a parameter
        let text = text.replace('?', "$");
        self.run(async |connection| {
            let query = sqlx::query_with(AssertSqlSafe(text.as_str()), arguments(params)?);
            query.fetch_all(connection).await
        })
    }

    /// Calls `visit` with one row after the other until it breaks off, in a snapshot. `text` ends in an `ORDER BY`
    /// that leaves nothing open.
    pub(in crate::store) fn walk(
        &self,
        text: &str,
        params: &[Param<'_>],
        mut visit: impl FnMut(&PgRow) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        let mut rows = self.rows(&format!("{text} LIMIT {FIRST_ROWS}"), params)?;
        if visit_all(&rows, &mut visit)?.is_break() || rows.len() < FIRST_ROWS {
            return Ok(());
        }
        let depth = self.cursors.get();
        let declare = format!("DECLARE walk{depth} NO SCROLL CURSOR FOR {text} OFFSET {FIRST_ROWS}");
        self.rows(&declare, params)?;
        self.cursors.set(depth + 1);
        loop {
            rows = self.fetch(depth)?;
            if visit_all(&rows, &mut visit)?.is_break() || rows.len() < MORE_ROWS {
                break;
            }
        }
        self.rows(&format!("CLOSE walk{depth}"), &[])?;
        self.cursors.set(depth);
        Ok(())
    }

    /// Unprepared, for cursors of one name differ in their columns.
    fn fetch(&self, depth: usize) -> Result<Vec<PgRow>, ReadError> {
        let text = format!("FETCH {MORE_ROWS} FROM walk{depth}");
        self.run(async |connection| sqlx::raw_sql(AssertSqlSafe(text.as_str())).fetch_all(connection).await)
    }
}

/// The database holds no NUL and takes none, and every text that we ask for has to be equal to one it holds.
fn is_in_no_row(param: &Param<'_>) -> bool {
    matches!(param, Param::Text(Some(text)) if text.contains('\0'))
}

async fn connect(target: &Target) -> sqlx::Result<PgConnection> {
    let mut connection = target.connect().await?;
    target.within(sqlx::raw_sql(SETTINGS).execute(&mut connection)).await?;
    Ok(connection)
}

fn arguments(params: &[Param<'_>]) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for param in params {
        let added = match param {
            Param::Integer(number) => arguments.add(number),
            Param::Text(text) => arguments.add(text),
            Param::Bytes(bytes) => arguments.add(bytes),
            Param::Numbers(numbers) => arguments.add(numbers),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn visit_all(
    rows: &[PgRow],
    visit: &mut impl FnMut(&PgRow) -> Result<ControlFlow<()>, ReadError>,
) -> Result<ControlFlow<()>, ReadError> {
    for row in rows {
        if visit(row)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Whether the connection is gone, which says nothing about the next one.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != io::ErrorKind::TimedOut,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        _ => false,
    }
}
