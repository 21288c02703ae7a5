//! Adds cells: one statement for each table, whatever the number of keys.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use crate::store::kept::{Cell, CellTables, Durations, Key};

/// The text of both statements for a table and the column that says which slot.
macro_rules! statements {
    ($table:literal, $slot:literal) => {
        Statements {
            durations: concat!(
                "SELECT ", $slot, ", source, project, type, tool, durations FROM ", $table,
                " JOIN unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
                     AS wanted (", $slot, ", source, project, type, tool)
                     USING (", $slot, ", source, project, type, tool) WHERE durations IS NOT NULL"
            ),
            add: concat!(
                "INSERT INTO ", $table, " AS kept
                 (", $slot, ", source, project, type, tool, events, started, completed, failed, durations)
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[])
                 ON CONFLICT (", $slot, ", source, project, type, tool) DO UPDATE SET
                 events = kept.events + excluded.events, started = kept.started + excluded.started,
                 completed = kept.completed + excluded.completed, failed = kept.failed + excluded.failed,
                 durations = coalesce(excluded.durations, kept.durations)"
            ),
        }
    };
}

struct Statements {
    durations: &'static str,
    add: &'static str,
}

const QUARTERLY: Statements = statements!("quarterly", "quarter");
const DAILY: Statements = statements!("daily", "day");
const PERIODIC: Statements = statements!("periodic", "period");

pub(super) async fn write(connection: &mut PgConnection, tables: CellTables) -> sqlx::Result<()> {
    add(connection, &QUARTERLY, &tables.quarterly).await?;
    add(connection, &DAILY, &tables.daily).await?;
    add(connection, &PERIODIC, &tables.periodic).await
}

/// The row of `counted` is locked, so between the reading of histograms and their writing nobody changes them.
async fn add(
    connection: &mut PgConnection,
    statements: &Statements,
    cells: &BTreeMap<Key, Cell>,
) -> sqlx::Result<()> {
    let mut new: BTreeMap<Key, Vec<u8>> = cells
        .iter()
        .map(|(key, cell)| (*key, cell.durations.encode()))
        .filter(|(_, durations)| !durations.is_empty())
        .collect();
    let timed: Vec<Key> = cells.keys().filter(|key| new.contains_key(key)).copied().collect();
    if !timed.is_empty() {
        let [slots, sources, projects, types, tools] = columns(timed.iter());
        let kept = sqlx::query(statements.durations)
            .bind(slots)
            .bind(sources)
            .bind(projects)
            .bind(types)
            .bind(tools)
            .fetch_all(&mut *connection)
            .await?;
        for row in kept {
            let key = key(&row)?;
            if let Some(durations) = new.get_mut(&key) {
                *durations = Durations::merged(row.try_get(5)?, durations);
            }
        }
    }
    let [slots, sources, projects, types, tools] = columns(cells.keys());
    let count = |of: fn(&Cell) -> i64| cells.values().map(of).collect::<Vec<i64>>();
    let durations: Vec<Option<Vec<u8>>> = cells.keys().map(|key| new.remove(key)).collect();
    sqlx::query(statements.add)
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
        .execute(&mut *connection)
        .await?;
    Ok(())
}

fn columns<'a>(keys: impl Iterator<Item = &'a Key>) -> [Vec<i64>; 5] {
    let mut columns = <[Vec<i64>; 5]>::default();
    for key in keys {
        let values = [key.slot, key.source, key.project, i64::from(key.event_type), key.tool];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    columns
}

fn key(row: &sqlx::postgres::PgRow) -> sqlx::Result<Key> {
    Ok(Key {
        slot: row.try_get(0)?,
        source: row.try_get(1)?,
        project: row.try_get(2)?,
        event_type: u8::try_from(row.try_get::<i64, _>(3)?).unwrap_or(u8::MAX),
        tool: row.try_get(4)?,
    })
}
