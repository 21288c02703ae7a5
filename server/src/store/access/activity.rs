//! When sources and tokens were last seen. Written now and then, and no change of who may.

use vibetea_protocol::Timestamp;

use super::AccessStore;
use crate::store::StoreError;
use crate::store::tables::{ReadError, Statement, Tables};

const ALL: Statement =
    Statement::both("SELECT source, seen, event, version FROM source_activity ORDER BY source");
const NOTE: Statement = Statement::both(
    "INSERT INTO source_activity (source, seen, event, version) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (source) DO UPDATE SET
    seen = CASE WHEN excluded.seen > source_activity.seen THEN excluded.seen ELSE source_activity.seen END,
    event = CASE WHEN source_activity.event IS NULL OR excluded.event > source_activity.event
        THEN excluded.event ELSE source_activity.event END,
    version = coalesce(excluded.version, source_activity.version)",
);
const USED: Statement = Statement::both(
    "UPDATE viewer_token SET last_used = ?2 WHERE digest = ?1 AND (last_used IS NULL OR last_used < ?2)",
);

/// What is known of a source that sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its name.
    pub source: String,
    /// What was seen of it.
    pub sighting: Sighting,
}

/// What was seen of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// When a signed request was last let in.
    pub seen: Timestamp,
    /// Time of its latest event.
    pub event: Option<Timestamp>,
    /// The release its monitor tells.
    pub version: Option<String>,
}

/// A token that was shown.
#[derive(Clone)]
pub struct Used {
    /// Its SHA-256.
    pub digest: [u8; 32],
    /// When, to the minute.
    pub at: Timestamp,
}

impl AccessStore {
    /// What is known of all sources that ever sent, by name.
    pub async fn activity(&self) -> Result<Vec<Activity>, StoreError> {
        self.read(all).await
    }

    /// Notes what was seen; later moments win.
    pub async fn note(&self, seen: Vec<Activity>, used: Vec<Used>) -> Result<(), StoreError> {
        self.read(move |tables| {
            let noted: Result<Result<(), ()>, ReadError> = tables.change(|| {
                for Activity { source, sighting } in &seen {
                    let Sighting { seen, event, version } = sighting;
                    let params =
                        [source.as_str().into(), (*seen).into(), (*event).into(), version.as_deref().into()];
                    tables.execute(&NOTE, &params)?;
                }
                for Used { digest, at } in &used {
                    tables.execute(&USED, &[digest.into(), (*at).into()])?;
                }
                Ok(Ok(()))
            });
            noted.map(|_| ())
        })
        .await
    }
}

fn all(tables: Tables<'_>) -> Result<Vec<Activity>, ReadError> {
    let mut found = Vec::new();
    tables.each(&ALL, &[], |row| {
        let Some(seen) = row.optional_moment(1)? else { return Ok(()) };
        let (source, version) = (row.text(0)?.to_owned(), row.optional_text(3)?.map(str::to_owned));
        found.push(Activity { source, sighting: Sighting { seen, event: row.optional_moment(2)?, version } });
        Ok(())
    })?;
    Ok(found)
}
