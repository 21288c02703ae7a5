//! Adds cells: one statement for all tables, whatever the number of keys.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};

use crate::store::kept::{Cell, CellTables, Durations, Key};

/// The histograms of the wanted cells that have one; `part` says which table.
macro_rules! durations {
    ($part:literal, $table:literal, $slot:literal) => {
        concat!(
            "SELECT part, wanted.slot, source, project, type, tool, durations FROM ",
            $table,
            " AS kept
             JOIN wanted USING (source, project, type, tool)
             WHERE part = ",
            $part,
            " AND kept.",
            $slot,
            " = wanted.slot AND durations IS NOT NULL"
        )
    };
}

macro_rules! add {
    ($part:literal, $table:literal, $slot:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " AS kept
             (",
            $slot,
            ", source, project, type, tool, events, started, completed, failed, durations)
             SELECT slot, source, project, type, tool, events, started, completed, failed, durations
             FROM given WHERE part = ",
            $part,
            "
             ON CONFLICT (",
            $slot,
            ", source, project, type, tool) DO UPDATE SET
             events = kept.events + excluded.events, started = kept.started + excluded.started,
             completed = kept.completed + excluded.completed, failed = kept.failed + excluded.failed,
             durations = coalesce(excluded.durations, kept.durations)"
        )
    };
}

const DURATIONS: &str = concat!(
    "WITH wanted AS (
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
         AS wanted (part, slot, source, project, type, tool)
     ) ",
    durations!("0", "quarterly", "quarter"),
    " UNION ALL ",
    durations!("1", "daily", "day"),
    " UNION ALL ",
    durations!("2", "periodic", "period"),
);
const ADD: &str = concat!(
    "WITH given AS (
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
             $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[])
         AS given (part, slot, source, project, type, tool, events, started, completed, failed, durations)
     ), quarters AS (",
    add!("0", "quarterly", "quarter"),
    "), days AS (",
    add!("1", "daily", "day"),
    ") ",
    add!("2", "periodic", "period"),
);

/// A cell's key with the number of its table.
type Place = (i64, Key);

/// The row of `counted` is locked, so between the reading of histograms and their writing nobody changes them.
pub(super) async fn write(connection: &mut PgConnection, tables: CellTables) -> sqlx::Result<()> {
    let tables = [tables.quarterly, tables.daily, tables.periodic];
    let cells: BTreeMap<Place, Cell> = (0..)
        .zip(tables)
        .flat_map(|(part, cells)| cells.into_iter().map(move |(key, cell)| ((part, key), cell)))
        .collect();
    if cells.is_empty() {
        return Ok(());
    }
    let mut durations = durations(connection, &cells).await?;
    let [parts, slots, sources, projects, types, tools] = columns(cells.keys());
    let count = |of: fn(&Cell) -> i64| cells.values().map(of).collect::<Vec<i64>>();
    let durations: Vec<Option<Vec<u8>>> = cells.keys().map(|place| durations.remove(place)).collect();
    sqlx::query(ADD)
        .bind(parts)
        .bind(slots)
        .bind(sources)
        .bind(projects)
        .bind(types)
        .bind(tools)
        .bind(count(|cell| cell.events))
        .bind(count(|cell| cell.steps[0]))
        .bind(count(|cell| cell.steps[1]))
        .bind(count(|cell| cell.steps[2]))
        .bind(durations)
        .execute(connection)
        .await?;
    Ok(())
}

/// The histograms of the cells that have something to add to theirs, as they are to be kept.
async fn durations(
    connection: &mut PgConnection,
    cells: &BTreeMap<Place, Cell>,
) -> sqlx::Result<BTreeMap<Place, Vec<u8>>> {
    let mut sums: BTreeMap<Place, Vec<u8>> = cells
        .iter()
        .map(|(place, cell)| (*place, cell.durations.encode()))
        .filter(|(_, durations)| !durations.is_empty())
        .collect();
    if sums.is_empty() {
        return Ok(sums);
    }
    let [parts, slots, sources, projects, types, tools] = columns(sums.keys());
    let kept = sqlx::query(DURATIONS)
        .bind(parts)
        .bind(slots)
        .bind(sources)
        .bind(projects)
        .bind(types)
        .bind(tools)
        .fetch_all(connection)
        .await?;
    for row in kept {
        if let Some(durations) = sums.get_mut(&place(&row)?) {
            *durations = Durations::merged(row.try_get(6)?, durations);
        }
    }
    Ok(sums)
}

fn columns<'a>(places: impl Iterator<Item = &'a Place>) -> [Vec<i64>; 6] {
    let mut columns = <[Vec<i64>; 6]>::default();
    for (part, key) in places {
        let values = [*part, key.slot, key.source, key.project, i64::from(key.event_type), key.tool];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    columns
}

fn place(row: &PgRow) -> sqlx::Result<Place> {
    let key = Key {
        slot: row.try_get(1)?,
        source: row.try_get(2)?,
        project: row.try_get(3)?,
        event_type: u8::try_from(row.try_get::<i64, _>(4)?).unwrap_or(u8::MAX),
        tool: row.try_get(5)?,
    };
    Ok((row.try_get(0)?, key))
}
