//! What `status` shows: read beside a running monitor, without its lock.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use vibetea_protocol::Timestamp;

use super::open::{is_locked, store_file};
use super::quarantine::given_up_counter;
use super::version::{Shape, shape};
use super::{Destination, Outbox, OutboxError, queue};

/// How a destination answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Takes events.
    Delivering,
    /// Cannot be reached or asks to wait; tried again with growing pauses.
    Retrying,
    /// Refuses this monitor's key; tried again slowly.
    Refused,
    /// Keeps no history: batches are given up.
    NoHistory,
}

impl DeliveryState {
    const ALL: [Self; 4] = [Self::Delivering, Self::Retrying, Self::Refused, Self::NoHistory];

    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivering => "delivering",
            Self::Retrying => "retrying",
            Self::Refused => "refused",
            Self::NoHistory => "keeps no history",
        }
    }
}

/// What a sender says about its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// How the destination answers now.
    pub state: DeliveryState,
    /// When the report was made.
    pub at: Timestamp,
    /// When events were last acknowledged; `None` keeps what was reported before.
    pub acknowledged: Option<Timestamp>,
    /// What went wrong last, as a code or a fixed sentence; `None` while nothing does.
    pub error: Option<String>,
}

/// What is known of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryStatus {
    /// Events that wait for it.
    pub waiting: u64,
    /// Events it refused for what they are.
    pub quarantined: u64,
    /// Events it refused that were given up since, because too many were set aside.
    pub given_up: u64,
    /// The newest report, if it was ever tried.
    pub report: Option<DeliveryReport>,
    /// What went wrong last, whether it still does or not.
    pub last_error: Option<LastError>,
}

/// What went wrong with a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// A code or a fixed sentence.
    pub error: String,
    /// When it was reported.
    pub at: Timestamp,
}

/// A monitor's store at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusSnapshot {
    /// Whether a monitor works with the folder now.
    pub running: bool,
    /// Transcripts that are followed.
    pub files: u64,
    /// Bytes of them that have been read.
    pub bytes_read: u64,
    /// Bytes of all waiting events, as the cap counts them.
    pub queue_bytes: u64,
    /// The live destination.
    pub live: DeliveryStatus,
    /// The batch destination.
    pub batch: DeliveryStatus,
    /// Everything that was counted, by name.
    pub counters: BTreeMap<String, u64>,
}

impl Outbox {
    /// Keeps what a sender says about its destination.
    pub fn record_delivery(
        &self,
        destination: Destination,
        report: &DeliveryReport,
    ) -> Result<(), OutboxError> {
        self.change(|transaction, _| {
            transaction
                .prepare_cached(
                    "INSERT INTO delivery (destination, state, at, acknowledged, error, failure, failed)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5, iif(?5 IS NULL, NULL, ?3))
                     ON CONFLICT (destination) DO UPDATE SET state = excluded.state, at = excluded.at,
                        acknowledged = coalesce(excluded.acknowledged, acknowledged), error = excluded.error,
                        failure = coalesce(excluded.failure, failure), failed = coalesce(excluded.failed, failed)",
                )?
                .execute(params![
                    destination.number(),
                    report.state.as_str(),
                    report.at.as_micros(),
                    report.acknowledged.map(Timestamp::as_micros),
                    report.error
                ])?;
            Ok(())
        })
    }

    /// What the store in `state_dir` holds; reads only, whether a monitor runs or not.
    pub fn status(state_dir: &Path) -> Result<StatusSnapshot, OutboxError> {
        let file = store_file(state_dir);
        if !file.is_file() {
            return Err(OutboxError::Missing { folder: state_dir.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&file, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        let shape = shape(&connection, &file)?;
        if shape == Shape::Empty {
            return Err(OutboxError::Missing { folder: state_dir.to_owned() });
        }
        // one transaction, so that the numbers belong together
        let connection = connection.transaction()?;
        let (files, bytes_read) =
            connection.query_row("SELECT count(*), coalesce(sum(offset), 0) FROM file", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let counters: BTreeMap<String, u64> = connection
            .prepare("SELECT name, value FROM counter")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(StatusSnapshot {
            running: is_locked(state_dir),
            files,
            bytes_read,
            queue_bytes: queue::count(&connection)?.1,
            live: delivery(&connection, shape, Destination::Live, &counters)?,
            batch: delivery(&connection, shape, Destination::Batch, &counters)?,
            counters,
        })
    }
}

fn delivery(
    connection: &Connection,
    shape: Shape,
    destination: Destination,
    counters: &BTreeMap<String, u64>,
) -> Result<DeliveryStatus, OutboxError> {
    let waiting = match destination {
        Destination::Live => "SELECT count(*) FROM outbox WHERE live = 1",
        Destination::Batch => "SELECT count(*) FROM outbox WHERE batch = 1",
    };
    let report = connection
        .query_row(
            "SELECT state, at, acknowledged, error FROM delivery WHERE destination = ?1",
            [destination.number()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    // a store of an older monitor that runs has no column for it
    let last_error = match shape {
        Shape::Current => connection
            .query_row(
                "SELECT failure, failed FROM delivery WHERE destination = ?1",
                [destination.number()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?,
        Shape::Empty | Shape::Older(_) => None,
    };
    Ok(DeliveryStatus {
        waiting: connection.query_row(waiting, [], |row| row.get(0))?,
        quarantined: connection.query_row(
            "SELECT count(*) FROM quarantine WHERE destination = ?1",
            [destination.number()],
            |row| row.get(0),
        )?,
        given_up: counters.get(given_up_counter(destination)).copied().unwrap_or(0),
        report: report.and_then(read_report),
        last_error: last_error.and_then(read_last_error),
    })
}

fn read_last_error((error, at): (Option<String>, Option<i64>)) -> Option<LastError> {
    Some(LastError { error: error?, at: Timestamp::from_micros(at?)? })
}

fn read_report(
    (state, at, acknowledged, error): (String, i64, Option<i64>, Option<String>),
) -> Option<DeliveryReport> {
    Some(DeliveryReport {
        state: DeliveryState::ALL.into_iter().find(|known| known.as_str() == state)?,
        at: Timestamp::from_micros(at)?,
        acknowledged: acknowledged.and_then(Timestamp::from_micros),
        error,
    })
}
