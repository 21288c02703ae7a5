//! Numbers of names in the database.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use crate::store::kept::{Kind, Known, Names};

const KNOWN: &str = "SELECT text, id FROM name WHERE source = ?1 AND kind = ?2";
const NEW: &str = "INSERT INTO name (source, kind, text) VALUES (?1, ?2, ?3) RETURNING id";

/// The number of a name, given out where it has none yet. 0 stands for no name.
pub(super) fn number(
    connection: &Connection,
    names: &mut Names,
    source: i64,
    kind: Kind,
    text: &str,
) -> rusqlite::Result<i64> {
    loop {
        match names.known(source, kind, text) {
            Known::Number(number) => return Ok(number),
            Known::NotLoaded => names.load(source, kind, load(connection, source, kind)?),
            Known::New(text) => {
                let mut insert = connection.prepare_cached(NEW)?;
                let number = insert.query_row((source, kind as i64, text), |row| row.get(0))?;
                names.put(source, kind, text, number);
                return Ok(number);
            }
        }
    }
}

fn load(connection: &Connection, source: i64, kind: Kind) -> rusqlite::Result<HashMap<Arc<str>, i64>> {
    let mut select = connection.prepare_cached(KNOWN)?;
    let rows = select
        .query_map((source, kind as i64), |row| Ok((Arc::from(row.get_ref(0)?.as_str()?), row.get(1)?)))?;
    rows.collect()
}
