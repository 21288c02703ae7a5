//! A look at a file by a connection that only reads: no lock is taken, a server may run.

use std::path::Path;

use rustix::fs::{Access, access};

use super::{SqliteStore, connection, open, store_error};
use crate::store::{Examined, Integrity, Registered, StoreError};

const SCHEMA: &str = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";
const EVENTS: &str = "SELECT (SELECT count(*) FROM event), (SELECT coalesce(sum(count), 0) FROM tally)";
const REGISTERED: &str = "SELECT
    (SELECT count(DISTINCT source) FROM source_key WHERE coalesce(expires > unixepoch() * 1000000, true)),
    (SELECT count(*) FROM viewer_token WHERE revoked IS NULL AND coalesce(expires > unixepoch() * 1000000, true))";

impl SqliteStore {
    /// Looks at the database at `path`, every page of it. Blocks.
    pub fn examine(path: &Path) -> Result<Examined, StoreError> {
        look(path).map_err(|error| store_error(&error))
    }
}

fn look(path: &Path) -> rusqlite::Result<Examined> {
    let connection = connection::reader(path)?;
    let is_empty =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))? == 0;
    let known_schema = open::newest_schema();
    // asked, not tried: a file that is opened and closed would take SQLite's locks of this process along
    let read_only = access(path, Access::WRITE_OK).err().map(|error| error.to_string());
    let mut examined = Examined {
        schema: 0,
        known_schema,
        integrity: Integrity::Unknown("there is nothing in it yet".to_owned()),
        events: (0, 0),
        registered: None,
        read_only,
        clock: None,
    };
    if is_empty {
        return Ok(examined);
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        examined.integrity = Integrity::Damaged(verdict);
        return Ok(examined);
    }
    if !open::is_ours(&connection)? {
        examined.integrity = Integrity::Damaged("it has tables that no VibeTea server made".to_owned());
        return Ok(examined);
    }
    examined.integrity = Integrity::Whole("every page was looked at".to_owned());
    examined.schema = connection.query_row(SCHEMA, [], |row| row.get(0))?;
    let natural = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(i64::unsigned_abs);
    examined.events = connection.query_row(EVENTS, [], |row| Ok((natural(row, 0)?, natural(row, 1)?)))?;
    if examined.schema == known_schema {
        examined.registered = Some(connection.query_row(REGISTERED, [], |row| {
            Ok(Registered { sources: natural(row, 0)?, tokens: natural(row, 1)? })
        })?);
    }
    Ok(examined)
}
