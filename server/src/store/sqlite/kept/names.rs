//! Numbers of the projects and tools of a source, of which only so many are told apart.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::store) enum Kind {
    Project = 0,
    Tool = 1,
}

impl Kind {
    /// How many a source may have.
    const fn most(self) -> usize {
        match self {
            Self::Project => 1000,
            Self::Tool => 200,
        }
    }
}

/// Stands for what exceeds the bounds.
pub(in crate::store) const OTHER: &str = "other";
/// Longer names are not kept, in bytes.
const LONGEST: usize = 256;
/// Names that are remembered, of all sources together; without authentication anybody may invent sources.
const REMEMBERED: usize = 65_536;

/// A name as it is kept.
pub(in crate::store) fn kept(text: &str) -> &str {
    if text.len() > LONGEST { OTHER } else { text }
}

/// The writer's memory of names.
#[derive(Debug, Default)]
pub(in crate::store) struct Names {
    of: HashMap<(i64, Kind), HashMap<Arc<str>, i64>>,
    remembered: usize,
}

const KNOWN: &str = "SELECT text, id FROM name WHERE source = ?1 AND kind = ?2";
const NEW: &str = "INSERT INTO name (source, kind, text) VALUES (?1, ?2, ?3) RETURNING id";

impl Names {
    /// The number of a name, given out where it has none yet. 0 stands for no name.
    pub(in crate::store) fn number(
        &mut self,
        connection: &Connection,
        source: i64,
        kind: Kind,
        text: &str,
    ) -> rusqlite::Result<i64> {
        if text.is_empty() {
            return Ok(0);
        }
        let text = kept(text);
        if self.remembered > REMEMBERED {
            self.forget();
        }
        let known = match self.of.entry((source, kind)) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(slot) => {
                let known = load(connection, source, kind)?;
                self.remembered += known.len() + 1;
                slot.insert(known)
            }
        };
        if let Some(number) = known.get(text) {
            return Ok(*number);
        }
        let text = if known.len() < kind.most() { text } else { OTHER };
        if let Some(number) = known.get(text) {
            return Ok(*number);
        }
        let mut insert = connection.prepare_cached(NEW)?;
        let number = insert.query_row((source, kind as i64, text), |row| row.get(0))?;
        known.insert(text.into(), number);
        self.remembered += 1;
        Ok(number)
    }

    /// A number given out in a transaction that was rolled back is nobody's.
    pub(in crate::store) fn forget(&mut self) {
        self.of.clear();
        self.remembered = 0;
    }
}

fn load(connection: &Connection, source: i64, kind: Kind) -> rusqlite::Result<HashMap<Arc<str>, i64>> {
    let mut select = connection.prepare_cached(KNOWN)?;
    let rows = select
        .query_map((source, kind as i64), |row| Ok((Arc::from(row.get_ref(0)?.as_str()?), row.get(1)?)))?;
    rows.collect()
}
