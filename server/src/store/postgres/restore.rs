//! A database from a copy: the file is read twice, first to see that it is whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::PostgresStore;
use super::connection::Target;
use super::copy::{END, FORMAT, Foot, Head, PATIENCE, TableHead, hex, list};
use super::open;
use crate::store::tables::ReadError;
use crate::store::{CopyError, OpenError};

const BUFFER: usize = 256 * 1024;
/// Longest line: a payload is 16 KiB, which `COPY` may double.
const MAX_LINE: usize = 16 * 1024 * 1024;
/// Rows are handed on in pieces of this size.
const PIECE: usize = 256 * 1024;
/// Tables that hold something in a store that never held an event.
const MARKS: [&str; 4] = ["vibetea.stream", "vibetea.counted", "vibetea.forgotten", "vibetea.access_version"];
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'vibetea-server'";
/// Numbers that are given out go on behind those that are there.
const SEQUENCES: &str =
    "SELECT quote_ident(nspname::text) || '.' || quote_ident(relname::text), quote_ident(attname::text)
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'vibetea' AND attidentity <> '' AND NOT attisdropped";

impl PostgresStore {
    /// Fills the database at `url`, which holds nothing of ours or an empty store, from a copy. Its schema is the copy's
    /// until it is opened.
    pub async fn restore(copy: &Path, url: &str) -> Result<(), CopyError> {
        let file = copy.to_owned();
        let head = tokio::task::spawn_blocking(move || verify(&file))
            .await
            .map_err(|error| file_error(copy, io::Error::other(error)))??;
        let target = Target::new(url, PATIENCE)?;
        let mut connection = target.connect().await.map_err(ReadError::from)?;
        let others: i64 =
            sqlx::query_scalar(OTHERS).fetch_one(&mut connection).await.map_err(ReadError::from)?;
        if others > 0 {
            return Err(CopyError::InUse { store: target.name.clone() });
        }
        open::migrate_to(&target, &mut connection, head.schema).await?;
        connection
            .execute("SET search_path = vibetea, public; SET statement_timeout = 0")
            .await
            .map_err(ReadError::from)?;
        fill(copy, &target, &mut connection).await
    }
}

/// Everything or nothing.
async fn fill(copy: &Path, target: &Target, connection: &mut PgConnection) -> Result<(), CopyError> {
    let mut transaction = connection.begin().await.map_err(ReadError::from)?;
    let known: HashMap<String, TableHead> = list(&mut transaction)
        .await
        .map_err(ReadError::from)?
        .into_iter()
        .map(|head| (head.table.clone(), head))
        .collect();
    for table in known.keys() {
        // the names come from the catalogue, quoted
        let any = AssertSqlSafe(format!("SELECT EXISTS (SELECT FROM {table})"));
        let holds: bool =
            sqlx::query_scalar(any).fetch_one(&mut *transaction).await.map_err(ReadError::from)?;
        if holds && !MARKS.contains(&table.as_str()) {
            let holds = format!("its table {table} has rows");
            return Err(CopyError::NotEmpty { store: target.name.clone(), holds });
        }
        let clear = AssertSqlSafe(format!("DELETE FROM {table}"));
        sqlx::query(clear).execute(&mut *transaction).await.map_err(ReadError::from)?;
    }
    let mut lines = Lines::open(copy)?;
    lines.next()?;
    while let Some(line) = lines.next()? {
        let Ok(head) = serde_json::from_slice::<TableHead>(line) else { break };
        let is_known = known
            .get(&head.table)
            .is_some_and(|table| head.columns.iter().all(|column| table.columns.contains(column)));
        if !is_known {
            let what = format!("holds a table that this release does not know: {}", head.table);
            return Err(CopyError::NotACopy { file: copy.display().to_string(), what });
        }
        table(&mut lines, &mut transaction, &head).await?;
    }
    let numbered: Vec<(String, String)> =
        sqlx::query_as(SEQUENCES).fetch_all(&mut *transaction).await.map_err(ReadError::from)?;
    for (table, column) in numbered {
        let set = AssertSqlSafe(format!(
            "SELECT setval(pg_get_serial_sequence('{}', '{}'), coalesce(max({column}), 0) + 1, false) FROM {table}",
            table.replace('\'', "''"),
            column.replace('\'', "''")
        ));
        sqlx::query(set).execute(&mut *transaction).await.map_err(ReadError::from)?;
    }
    transaction.commit().await.map_err(ReadError::from)?;
    Ok(())
}

async fn table(lines: &mut Lines, connection: &mut PgConnection, head: &TableHead) -> Result<(), CopyError> {
    let statement = format!("COPY {} ({}) FROM STDIN", head.table, head.columns.join(", "));
    let mut rows = connection.copy_in_raw(&statement).await.map_err(ReadError::from)?;
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        let line = lines.next()?.unwrap_or(END.as_bytes());
        let is_end = line == END.as_bytes();
        if !is_end {
            piece.extend_from_slice(line);
            piece.push(b'\n');
        }
        if piece.len() >= PIECE || is_end && !piece.is_empty() {
            rows.send(&piece[..]).await.map_err(ReadError::from)?;
            piece.clear();
        }
        if is_end {
            rows.finish().await.map_err(ReadError::from)?;
            return Ok(());
        }
    }
}

/// Lines of a file without their ends, each within a bound.
struct Lines {
    input: BufReader<File>,
    line: Vec<u8>,
    path: String,
}

impl Lines {
    fn open(copy: &Path) -> Result<Self, CopyError> {
        let file = File::open(copy).map_err(|error| file_error(copy, error))?;
        let input = BufReader::with_capacity(BUFFER, file);
        Ok(Self { input, line: Vec::new(), path: copy.display().to_string() })
    }

    fn next(&mut self) -> Result<Option<&[u8]>, CopyError> {
        use io::Read as _;
        self.line.clear();
        let read = (&mut self.input).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.line);
        let damaged =
            |detail: &str| CopyError::Damaged { what: self.path.clone(), detail: detail.to_owned() };
        match read {
            Ok(0) => Ok(None),
            Ok(_) if self.line.last() == Some(&b'\n') => Ok(Some(&self.line[..self.line.len() - 1])),
            Ok(_) if self.line.len() > MAX_LINE => Err(damaged("a line in it is too long")),
            Ok(_) => Err(damaged("it ends too early")),
            Err(error) => Err(CopyError::File { path: self.path.clone(), error }),
        }
    }
}

/// Reads the whole file: it is a copy, of a schema that is known, and every byte is as it was written.
fn verify(copy: &Path) -> Result<Head, CopyError> {
    let file = || copy.display().to_string();
    let mut begin = [0; 16];
    let read = File::open(copy).and_then(|mut input| io::Read::read(&mut input, &mut begin));
    if read.map_err(|error| file_error(copy, error))? >= 15 && begin.starts_with(b"SQLite format 3") {
        let what = format!(
            "is a copy of a SQLite store; into PostgreSQL: vibetea-server export --database-url sqlite:{} | vibetea-server import -",
            file()
        );
        return Err(CopyError::NotACopy { file: file(), what });
    }
    let mut lines = Lines::open(copy)?;
    let no_copy = || CopyError::NotACopy { file: file(), what: "is no copy of a VibeTea store".to_owned() };
    let first = lines.next().map_err(|_| no_copy())?.ok_or_else(no_copy)?;
    let head: Head = serde_json::from_slice(first).map_err(|_| no_copy())?;
    if head.vibetea_backup != FORMAT || head.database != "postgres" {
        return Err(CopyError::NotACopy {
            file: file(),
            what: "was made by another release: use that one".to_owned(),
        });
    }
    if head.schema > open::newest_schema() {
        return Err(OpenError::NewerSchema { database: file(), version: head.schema }.into());
    }
    let mut hash = Sha256::new();
    let mut last = first.to_vec();
    while let Some(line) = lines.next()? {
        hash.update(&last);
        hash.update(b"\n");
        last.clear();
        last.extend_from_slice(line);
    }
    let foot: Option<Foot> = serde_json::from_slice(&last).ok();
    if foot.is_some_and(|foot| foot.sha256 == hex(&hash.finalize())) {
        return Ok(head);
    }
    Err(CopyError::Damaged { what: file(), detail: "its digest is not that of its bytes".to_owned() })
}

fn file_error(path: &Path, error: io::Error) -> CopyError {
    CopyError::File { path: path.display().to_string(), error }
}
