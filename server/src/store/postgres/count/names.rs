//! Numbers of names, learnt for a whole transaction at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use crate::store::kept::{Kind, Known, Names, Seen};

const KNOWN: &str = "SELECT name.source, name.kind, name.text, name.id
    FROM unnest($1::bigint[], $2::bigint[]) AS wanted (source, kind)
    JOIN name ON name.source = wanted.source AND name.kind = wanted.kind";
/// Another server may have given out a number since the names were read.
const NEW: &str = "INSERT INTO name (source, kind, text) VALUES ($1, $2, $3)
    ON CONFLICT (source, kind, text) DO UPDATE SET text = excluded.text RETURNING id";

/// Sees to it that every name of these events has a number.
pub(super) async fn learn(
    connection: &mut PgConnection,
    names: &mut Names,
    seen: &[Seen<'_>],
) -> sqlx::Result<()> {
    load(connection, names, seen).await?;
    for (source, kind, text) in seen.iter().flat_map(named) {
        if let Known::New(text) = names.known(source, kind, text) {
            let number = sqlx::query_scalar(NEW)
                .bind(source)
                .bind(kind as i64)
                .bind(text)
                .fetch_one(&mut *connection)
                .await?;
            names.put(source, kind, text, number);
        }
    }
    Ok(())
}

/// The number of a name that was learnt.
pub(super) fn number(names: &Names, source: i64, kind: Kind, text: &str) -> sqlx::Result<i64> {
    match names.known(source, kind, text) {
        Known::Number(number) => Ok(number),
        Known::New(_) | Known::NotLoaded => Err(sqlx::Error::Decode("a name was not learnt".into())),
    }
}

fn named<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (i64, Kind, &'a str)> {
    let project = seen.facts.project.as_deref().map(|name| (seen.source, Kind::Project, name));
    let tool = seen.tool().map(|name| (seen.source, Kind::Tool, name));
    project.into_iter().chain(tool)
}

async fn load(connection: &mut PgConnection, names: &mut Names, seen: &[Seen<'_>]) -> sqlx::Result<()> {
    let mut missing = BTreeSet::new();
    for (source, kind, text) in seen.iter().flat_map(named) {
        if names.known(source, kind, text) == Known::NotLoaded {
            missing.insert((source, kind as i64));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (sources, kinds): (Vec<i64>, Vec<i64>) = missing.iter().copied().unzip();
    let rows = sqlx::query(KNOWN).bind(sources).bind(kinds).fetch_all(&mut *connection).await?;
    let mut known: HashMap<(i64, i64), HashMap<Arc<str>, i64>> =
        missing.into_iter().map(|key| (key, HashMap::new())).collect();
    for row in rows {
        let key = (row.try_get(0)?, row.try_get(1)?);
        known.entry(key).or_default().insert(row.try_get::<&str, _>(2)?.into(), row.try_get(3)?);
    }
    for ((source, kind), texts) in known {
        let kind = if kind == Kind::Project as i64 { Kind::Project } else { Kind::Tool };
        names.load(source, kind, texts);
    }
    Ok(())
}
