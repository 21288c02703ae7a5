//! Which shape the store has, and how one of an older shape becomes one of today's.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{OutboxError, seal};

const SCHEMA: i64 = 4;
/// "VT" in front, the schema behind: a second witness that tells a newer schema from a damaged header.
const APPLICATION_ID: i64 = 0x5654_0000;

/// What makes a store of each earlier schema, from the first on, one of the next.
const STEPS: [&str; 3] =
    [include_str!("from_1_to_2.sql"), include_str!("from_2_to_3.sql"), include_str!("from_3_to_4.sql")];

/// The shape of the tables that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// None are.
    Empty,
    /// As an older program made them, with its schema.
    Older(i64),
    /// As this program makes them.
    Current,
}

/// The store's shape; refuses one that a newer program made.
pub(super) fn shape(connection: &Connection, file: &Path) -> Result<Shape, OutboxError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = pragma("user_version")?;
    let witness = pragma("application_id")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found == 0 && tables == 0 {
        return Ok(Shape::Empty);
    }
    if found < 1 || witness != APPLICATION_ID | found {
        return Err(OutboxError::Broken("its version cannot be read".to_owned()));
    }
    match found {
        SCHEMA => Ok(Shape::Current),
        older if older < SCHEMA => Ok(Shape::Older(older)),
        _ => Err(OutboxError::Newer { file: file.to_owned(), found, known: SCHEMA }),
    }
}

/// Makes the tables, or today's from those of an older program with everything in them, all or nothing.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> Result<(), OutboxError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        0 => transaction.execute_batch(include_str!("schema.sql"))?,
        SCHEMA.. => return Ok(()),
        older => {
            seal::teach(&transaction)?;
            for step in STEPS.iter().skip(usize::try_from(older - 1).unwrap_or(0)) {
                transaction.execute_batch(step)?;
            }
        }
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID | SCHEMA)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()?;
    Ok(())
}
