//! A copy of the tables at one moment as one text file: a line that says what it is, then each table as `COPY` writes it,
//! then a digest of all that stands before.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use vibetea_protocol::Timestamp;

use super::PostgresStore;
use super::connection::Target;
use super::open::schema;
use super::reader::Reader;
use crate::store::copy::go_on;
use crate::store::{AskCopy, CopyError, StoreError, ask};

/// A copy of a large database takes its time.
pub(super) const PATIENCE: Duration = Duration::from_hours(12);
/// "VibeTea", as a number that no other program is likely to lock.
const LOCK: &str = "SELECT pg_try_advisory_lock(6217980523)";
/// Ends the rows of a table; no row looks like it.
pub(super) const END: &str = "\\.";
pub(super) const FORMAT: u32 = 1;

/// Every table of ours with its columns, but for tickets, which live a minute. `quote_ident` makes names safe to use.
pub(super) const TABLES: &str = "SELECT quote_ident(nspname::text) || '.' || quote_ident(relname::text),
        array_agg(quote_ident(attname::text) ORDER BY attnum)
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    WHERE relkind = 'r' AND (nspname = 'public' AND relname = 'events' OR nspname = 'vibetea'
        AND relname NOT LIKE '\\_sqlx\\_migrations%' AND relname <> 'ticket')
    GROUP BY 1 ORDER BY 1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// The format of the file.
    pub(super) vibetea_backup: u32,
    pub(super) database: String,
    /// The newest migration that made the tables.
    pub(super) schema: i64,
    pub(super) made_at: Timestamp,
}

/// The line before the rows of a table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TableHead {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Foot {
    /// Hexadecimal, of every byte before this line.
    pub(super) sha256: String,
}

/// Writes through and digests.
struct Digesting<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Digesting<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.put(&text)
    }

    fn finish(mut self) -> io::Result<()> {
        let sha256 = hex(&self.hash.finalize());
        serde_json::to_writer(&mut self.out, &Foot { sha256 })?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl PostgresStore {
    /// Writes a copy of the database to `out` and lets `look` ask it while the same moment is in sight. Servers may run
    /// on the database. Blocks; to be called on a thread of a runtime where that is allowed.
    pub fn copy<T>(
        url: &str,
        out: impl Write,
        now: Timestamp,
        stop: &CancellationToken,
        look: impl FnOnce(AskCopy<'_>) -> T,
    ) -> Result<T, CopyError> {
        let target = Target::new(url, PATIENCE)?;
        let reader = Reader::open(&target, &Handle::current())?;
        if !reader.run(async |connection| sqlx::query_scalar(LOCK).fetch_one(connection).await)? {
            return Err(CopyError::Busy);
        }
        let mut out = Digesting { out, hash: Sha256::new() };
        let mut wrong = None;
        let looked = reader.snapshot(|| {
            if let Err(error) = tables(&reader, &mut out, now, stop) {
                wrong = Some(error);
                return Ok(None);
            }
            Ok(Some(look(&mut |question| {
                go_on(stop)?;
                Ok(ask::events(reader.tables(), question)?)
            })))
        });
        // a connection that was left in the middle of its rows has nothing to say after that
        if let Some(error) = wrong {
            return Err(error);
        }
        let looked = looked?.ok_or(CopyError::Stopped)?;
        out.finish().map_err(write_error)?;
        Ok(looked)
    }
}

fn tables(
    reader: &Reader,
    out: &mut Digesting<impl Write>,
    now: Timestamp,
    stop: &CancellationToken,
) -> Result<(), CopyError> {
    let schema = reader.run(async |connection| schema(connection).await)?;
    if schema == 0 {
        return Err(StoreError::Unavailable("there is no VibeTea store in the database".to_owned()).into());
    }
    let head = Head { vibetea_backup: FORMAT, database: "postgres".to_owned(), schema, made_at: now };
    out.line(&head).map_err(write_error)?;
    for head in reader.run(async |connection| list(connection).await)? {
        out.line(&head).map_err(write_error)?;
        let statement = format!("COPY {} ({}) TO STDOUT", head.table, head.columns.join(", "));
        let mut wrong = None;
        reader
            .run(async |connection| {
                let mut rows = connection.copy_out_raw(&statement).await?;
                while let Some(bytes) = rows.try_next().await? {
                    let put = if stop.is_cancelled() {
                        Err(CopyError::Stopped)
                    } else {
                        out.put(&bytes).map_err(write_error)
                    };
                    if let Err(error) = put {
                        wrong = Some(error);
                        // what is left of the rows ends with the connection
                        return Err(sqlx::Error::WorkerCrashed);
                    }
                }
                Ok(())
            })
            .map_err(|error| wrong.take().unwrap_or_else(|| error.into()))?;
        out.put(END.as_bytes()).and_then(|()| out.put(b"\n")).map_err(write_error)?;
    }
    Ok(())
}

/// Our tables, those that are copied.
pub(super) async fn list(connection: &mut PgConnection) -> sqlx::Result<Vec<TableHead>> {
    let rows = sqlx::query(TABLES).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(TableHead { table: row.try_get(0)?, columns: row.try_get(1)? })).collect()
}

pub(super) fn write_error(error: io::Error) -> CopyError {
    CopyError::File { path: "the copy".to_owned(), error }
}
