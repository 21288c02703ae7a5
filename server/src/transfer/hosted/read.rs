//! The table `events` of a hosted project, read in pages by time and id.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::time::{sleep, timeout};

use super::{HostedError, HostedSource};

/// Longest time that the database may be silent.
const PATIENCE: Duration = Duration::from_mins(1);
/// Attempts in a row after a connection was lost, each after twice the time of the one before.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

// idx_events_timestamp gives the order by time; only events of one moment are sorted. The order of ids is the
// one of their bytes, whatever the database's own is.
const FIRST_PAGE: &str = r#"
    SELECT id, source, "timestamp"::text AS moment,
        CASE WHEN "timestamp" >= '1970-01-01 00:00:00Z' AND "timestamp" < '10000-01-01 00:00:00Z'
            THEN (extract(epoch FROM "timestamp") * 1000000)::bigint END AS micros,
        event_type, payload::text AS payload
    FROM public.events
    WHERE "timestamp" <= $1::timestamptz AND ("timestamp", id COLLATE "C") <= ($1::timestamptz, $2)
    ORDER BY "timestamp", id COLLATE "C"
    LIMIT 5000"#;
const NEXT_PAGE: &str = r#"
    SELECT id, source, "timestamp"::text AS moment,
        CASE WHEN "timestamp" >= '1970-01-01 00:00:00Z' AND "timestamp" < '10000-01-01 00:00:00Z'
            THEN (extract(epoch FROM "timestamp") * 1000000)::bigint END AS micros,
        event_type, payload::text AS payload
    FROM public.events
    WHERE "timestamp" <= $1::timestamptz AND ("timestamp", id COLLATE "C") <= ($1::timestamptz, $2)
        AND "timestamp" >= $3::timestamptz AND ("timestamp", id COLLATE "C") > ($3::timestamptz, $4)
    ORDER BY "timestamp", id COLLATE "C"
    LIMIT 5000"#;
const NEWEST: &str = r#"
    SELECT id, "timestamp"::text AS moment FROM public.events
    ORDER BY "timestamp" DESC, id COLLATE "C" DESC
    LIMIT 1"#;
const ESTIMATE: &str = "EXPLAIN SELECT 1 FROM public.events";
const HIDDEN: &str = "SELECT row_security_active('public.events')";

/// A row's place in the order by time and id. The time is the database's own text, for it may be none of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) struct Place {
    pub(in crate::transfer) moment: String,
    pub(in crate::transfer) id: String,
}

/// A row as it stands in the table.
pub(super) struct HostedRow {
    pub(super) place: Place,
    pub(super) source: String,
    /// Microseconds since 1970; none of a time that no event can have, which may be more than the number holds.
    pub(super) micros: Option<i64>,
    pub(super) event_type: String,
    pub(super) payload: String,
}

/// What is known before the first row.
pub(super) struct Outline {
    /// The last row; none in an empty table.
    pub(super) newest: Option<Place>,
    /// About how many rows there are.
    pub(super) rows: Option<u64>,
    /// Whether rows may be hidden from this role.
    pub(super) hidden: bool,
}

/// Rows up to a bound, one after the other, over as many connections as it takes.
pub(super) struct Rows {
    source: HostedSource,
    connection: Option<PgConnection>,
    end: Place,
    after: Option<Place>,
}

/// Opens a connection and asks for what is known.
pub(super) async fn outline(source: &HostedSource) -> Result<Outline, HostedError> {
    let mut connection = connect(source).await?;
    let (hidden,): (bool,) = sqlx::query_as(HIDDEN).persistent(false).fetch_one(&mut connection).await?;
    let newest = sqlx::query(NEWEST).persistent(false).fetch_optional(&mut connection).await?;
    let newest = newest.as_ref().map(place).transpose()?;
    let (plan,): (String,) = sqlx::query_as(ESTIMATE).persistent(false).fetch_one(&mut connection).await?;
    let rows = plan.split_once(" rows=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    // what was asked for is there; a goodbye that fails changes nothing
    let _ = connection.close().await;
    Ok(Outline { newest, rows, hidden })
}

async fn connect(source: &HostedSource) -> Result<PgConnection, HostedError> {
    timeout(PATIENCE, source.options().connect()).await.map_err(|_| HostedError::Silent)?.map_err(Into::into)
}

fn place(row: &PgRow) -> Result<Place, sqlx::Error> {
    Ok(Place { moment: row.try_get("moment")?, id: row.try_get("id")? })
}

impl Rows {
    /// The rows after a place, up to and with another.
    pub(super) fn new(source: HostedSource, after: Option<Place>, end: Place) -> Self {
        Self { source, connection: None, end, after }
    }

    /// Hands every row to `take`, which answers whether to go on. A lost connection is made again, and reading
    /// goes on behind the last row that was taken.
    pub(super) async fn read(
        mut self,
        mut take: impl AsyncFnMut(HostedRow) -> bool,
    ) -> Result<(), HostedError> {
        let mut failed = 0;
        loop {
            let before = self.after.clone();
            match self.page(&mut take).await {
                Ok(Page::Full) => failed = 0,
                Ok(Page::Last) => return Ok(()),
                Err(error) => {
                    self.connection = None;
                    failed = if self.after == before { failed + 1 } else { 1 };
                    if !error.is_passing() || failed >= ATTEMPTS {
                        return Err(error);
                    }
                    let pause = FIRST_PAUSE * 2_u32.pow(failed - 1);
                    tracing::warn!(%error, ?pause, "the hosted database is away; trying again");
                    sleep(pause).await;
                }
            }
        }
    }

    async fn page(&mut self, take: &mut impl AsyncFnMut(HostedRow) -> bool) -> Result<Page, HostedError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.source).await?,
        };
        let query = match self.after.clone() {
            None => sqlx::query(FIRST_PAGE).bind(self.end.moment.clone()).bind(self.end.id.clone()),
            Some(after) => sqlx::query(NEXT_PAGE)
                .bind(self.end.moment.clone())
                .bind(self.end.id.clone())
                .bind(after.moment)
                .bind(after.id),
        };
        let mut transaction = connection.begin_with("BEGIN READ ONLY").await?;
        let mut found = false;
        {
            let mut rows = query.persistent(false).fetch(&mut *transaction);
            while let Some(row) =
                timeout(PATIENCE, rows.try_next()).await.map_err(|_| HostedError::Silent)??
            {
                found = true;
                let place = place(&row)?;
                let row = HostedRow {
                    place: place.clone(),
                    source: row.try_get("source")?,
                    micros: row.try_get("micros")?,
                    event_type: row.try_get("event_type")?,
                    payload: row.try_get("payload")?,
                };
                if !take(row).await {
                    return Ok(Page::Last);
                }
                self.after = Some(place);
            }
        }
        transaction.commit().await?;
        self.connection = Some(connection);
        Ok(if found { Page::Full } else { Page::Last })
    }
}

enum Page {
    Full,
    Last,
}
