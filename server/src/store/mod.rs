//! Where events are kept. Knows no axum and no hub.

mod access;
mod ask;
mod asked;
mod calendar;
mod copy;
mod examine;
mod facts;
mod forget;
mod hours;
mod kept;
mod pool;
mod postgres;
mod question;
mod queue;
mod sqlite;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vibetea_protocol::api::Session;
use vibetea_protocol::history::HourlyAggregate;
use vibetea_protocol::{Clock, EventId, EventType, SourceId, Timestamp};

pub use access::{
    AccessError, AccessSnapshot, AccessStore, Activity, CODE_LIFETIME, IssuedToken, MOST_KEYS,
    MOST_TOKEN_DAYS, NewToken, Refused, Secret, Sighting, SourceEntry, StoredKey, StoredToken, Used,
    code_digest, later, token_digest,
};
pub use asked::Asked;
pub use calendar::{Bucket, Calendar};
pub use copy::{AskCopy, CopyError};
pub use examine::{Examined, Integrity, Registered};
pub use facts::{Facts, Sharing};
pub use forget::{Forget, Forgotten};
pub use postgres::{PostgresOptions, PostgresStore, StoredTicket};
pub use question::{
    BreakdownsAnswer, BreakdownsQuestion, CountsAnswer, CountsQuestion, EventFilter, EventsAnswer,
    EventsQuestion, InvalidCursor, Position, Range, SessionPosition, SessionsAnswer, SessionsQuestion, Side,
    SourceFilter,
};
use queue::Queue;
pub use sqlite::{FileSystem, SqliteOptions, SqliteStore};
use tables::{ReadError, Tables};

/// By which route a batch came: what comes by the live route is broadcast once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/ingest`: stored, not broadcast.
    Batch,
    /// `/events`: stored and broadcast.
    Live,
}

/// A checked event on its way into the store. Its payload is a slice of the request's body.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Unique in the store.
    pub id: EventId,
    /// When it happened, by the sender.
    pub timestamp: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// JSON text of an object, UTF-8.
    pub payload: Bytes,
    /// What the payload tells.
    pub facts: Facts,
}

impl NewEvent {
    /// An event whose payload was checked.
    pub fn new(id: EventId, timestamp: Timestamp, event_type: EventType, payload: Bytes) -> Self {
        let facts = Facts::of(event_type, &payload);
        Self { id, timestamp, event_type, payload, facts }
    }
}

/// Events that one source sent in one request.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Who sent them.
    pub source: Arc<SourceId>,
    /// By which route.
    pub route: Route,
    /// In the order of the request.
    pub events: Vec<NewEvent>,
}

/// An event of the live stream at its place in it.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// Place in the stream: grows in commit order, with gaps.
    pub seq: u64,
    /// Who sent it.
    pub source: Arc<SourceId>,
    /// The event.
    pub event: NewEvent,
}

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Away, full or overloaded: asking again later can help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A fault.
    #[error("the store failed: {0}")]
    Internal(String),
}

/// Why a store could not be opened. `database` is a path, or a URL without its password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder cannot be made or written.
    #[error("the database {database} cannot be written: {detail}")]
    NotWritable {
        /// The database.
        database: String,
        /// What the system said.
        detail: String,
    },
    /// The database server does not answer, or not to us.
    #[error("the database {database} cannot be reached: {detail}")]
    Unreachable {
        /// The database.
        database: String,
        /// What went wrong.
        detail: String,
    },
    /// Another server uses the file.
    #[error("the database {database} is in use by another server")]
    Locked {
        /// The database.
        database: String,
    },
    /// The file is something else.
    #[error("{database} is not a SQLite database")]
    NotADatabase {
        /// The file.
        database: String,
    },
    /// The file is damaged; nothing was changed in it.
    #[error("the database {database} is damaged: {detail}")]
    Corrupt {
        /// The database.
        database: String,
        /// What SQLite found first.
        detail: String,
    },
    /// The database holds another program's tables.
    #[error("the database {database} belongs to another program: {detail}")]
    Foreign {
        /// The database.
        database: String,
        /// How that shows.
        detail: String,
    },
    /// A table that is to be adopted has rows that no event can be; nothing was changed.
    #[error("the database {database} cannot be taken over, and nothing was changed in it: {detail}")]
    UnfitRows {
        /// The database.
        database: String,
        /// How many there are, which, and how they are mended.
        detail: String,
    },
    /// A newer release has migrated the database.
    #[error(
        "the database {database} has schema version {version}, which this release does not know: use a newer one"
    )]
    NewerSchema {
        /// The database.
        database: String,
        /// The unknown migration.
        version: i64,
    },
    /// A migration that was applied has since been edited.
    #[error("the database {database} was made with another text of migration {version}")]
    EditedMigration {
        /// The database.
        database: String,
        /// The edited migration.
        version: i64,
    },
    /// Anything else.
    #[error("the database {database} cannot be opened: {detail}")]
    Failed {
        /// The database.
        database: String,
        /// What went wrong.
        detail: String,
    },
}

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Stored events.
    pub events: u64,
    /// Sources that have stored events.
    pub sources: u64,
    /// Stored events by type, at the place of the type's number.
    pub by_type: [u64; EventType::ALL.len()],
    /// Time of the earliest event.
    pub oldest: Option<Timestamp>,
    /// Time of the latest event.
    pub newest: Option<Timestamp>,
}

/// Told of live events after they are durable, in the order of the stream, on the thread that writes.
pub type OnLive = Box<dyn Fn(&[LiveEvent]) + Send>;

/// Where events are kept; clones share it.
#[derive(Debug, Clone)]
pub enum Store {
    /// One file, one server.
    Sqlite(SqliteStore),
    /// One database, any number of servers.
    Postgres(PostgresStore),
}

impl Store {
    /// Opens a SQLite file, makes it where it is missing, brings its schema up to date and keeps other servers
    /// out of it until it is closed.
    pub async fn open_sqlite(
        options: SqliteOptions,
        clock: Clock,
        on_live: OnLive,
    ) -> Result<Self, OpenError> {
        SqliteStore::open(options, clock, on_live).await.map(Self::Sqlite)
    }

    /// Connects to a PostgreSQL database and brings its schema up to date. Other servers may use it as well: the live
    /// events of all of them are told.
    pub async fn open_postgres(
        options: PostgresOptions,
        clock: Clock,
        on_live: OnLive,
    ) -> Result<Self, OpenError> {
        PostgresStore::open(options, clock, on_live).await.map(Self::Postgres)
    }

    /// Stores a batch, all or nothing, and answers after the commit how many events were new. A full queue is
    /// refused at once. A caller that stops waiting cancels nothing.
    pub async fn bulk_insert_events(&self, batch: NewBatch) -> Result<u64, StoreError> {
        self.queue().insert(batch).await
    }

    /// Events per UTC hour and source with `timestamp >= now - days_back`, future ones included: newest hour
    /// first, sources ascending within it.
    pub async fn get_hourly_aggregates(
        &self,
        days_back: u32,
        source_filter: SourceFilter,
    ) -> Result<Vec<HourlyAggregate>, StoreError> {
        let one = match &source_filter {
            SourceFilter::One(source) => Some(source.clone()),
            SourceFilter::All | SourceFilter::Among(_) => None,
        };
        let mut rows = match self {
            Self::Sqlite(store) => store.get_hourly_aggregates(days_back, one).await,
            Self::Postgres(store) => store.get_hourly_aggregates(days_back, one).await,
        }?;
        rows.retain(|row| source_filter.admits(&row.source));
        Ok(rows)
    }

    /// Place of an event in the live stream; none if it never was in it.
    pub async fn position_of(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Sqlite(store) => store.position_of(id).await,
            Self::Postgres(store) => store.position_of(id).await,
        }
    }

    /// At most `limit` events of the live stream after a place, in its order.
    pub async fn live_events_after(&self, seq: u64, limit: usize) -> Result<Vec<LiveEvent>, StoreError> {
        match self {
            Self::Sqlite(store) => store.live_events_after(seq, limit).await,
            Self::Postgres(store) => store.live_events_after(seq, limit).await,
        }
    }

    /// The newest place that is taken: every event that is committed later has a larger one. 0 when empty.
    pub async fn newest_seq(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(store) => store.newest_seq().await,
            Self::Postgres(store) => store.newest_seq().await,
        }
    }

    /// What the store holds, from kept counts: cheap at any size.
    pub async fn totals(&self, sources: SourceFilter) -> Result<Totals, StoreError> {
        self.ask(move |tables| ask::totals(tables, &sources)).await
    }

    /// Who may send and who may watch.
    pub fn access(&self) -> &AccessStore {
        match self {
            Self::Sqlite(store) => store.access(),
            Self::Postgres(store) => store.access(),
        }
    }

    /// A page of events by time and id.
    pub async fn events(&self, question: EventsQuestion) -> Result<EventsAnswer, StoreError> {
        self.ask(move |tables| ask::events(tables, &question)).await
    }

    /// A page of sessions by latest event.
    pub async fn sessions(&self, question: SessionsQuestion) -> Result<SessionsAnswer, StoreError> {
        self.ask(move |tables| ask::sessions(tables, &question)).await
    }

    /// The sessions of that id, at most two; more than one where several sources have it.
    pub async fn session(
        &self,
        name: String,
        sources: SourceFilter,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        self.ask(move |tables| ask::session(tables, &name, &sources, now)).await
    }

    /// Events by the buckets of a calendar.
    pub async fn counts(
        &self,
        question: CountsQuestion,
        calendar: Calendar,
    ) -> Result<CountsAnswer, StoreError> {
        self.ask(move |tables| ask::counts(tables, &question, calendar)).await
    }

    /// Events by tool, project, source and type.
    pub async fn breakdowns(&self, question: BreakdownsQuestion) -> Result<BreakdownsAnswer, StoreError> {
        self.ask(move |tables| ask::breakdowns(tables, &question)).await
    }

    /// Takes one step of forgetting, in a transaction of its own after those that wait already.
    pub async fn forget(&self, what: Forget) -> Result<Forgotten, StoreError> {
        self.queue().forget(what).await
    }

    /// Who was asked for their history, by whatever process.
    pub async fn asked(&self) -> Result<Asked, StoreError> {
        match self {
            Self::Sqlite(store) => store.asked().await,
            Self::Postgres(store) => store.asked().await,
        }
    }

    /// Asks these sources, or all where none is named, for their history; answers the number of the question.
    pub async fn ask_history(&self, sources: Vec<SourceId>) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(store) => store.ask_history(sources).await,
            Self::Postgres(store) => store.ask_history(sources).await,
        }
    }

    /// Whether a write works: the outcome of the last one if it is at most a second old, else of a tiny one.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        self.queue().check().await
    }

    /// Whether what writes moves at all, with success or without: false where it has come to no end of anything for
    /// longer than `within`.
    pub async fn is_moving(&self, within: Duration) -> bool {
        self.queue().is_moving(within).await
    }

    /// Stores what is queued, then closes the file and lets another server have it. Later calls are refused.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }

    fn queue(&self) -> &Queue {
        match self {
            Self::Sqlite(store) => store.queue(),
            Self::Postgres(store) => store.queue(),
        }
    }

    /// Answers a question from one state of the tables, which both kinds of store have alike.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(Tables<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(store) => store.ask(question).await,
            Self::Postgres(store) => store.ask(question).await,
        }
    }
}
