//! The same work in the three homes that events can have, side by side: SQLite, PostgreSQL, and the hosted functions on
//! the same PostgreSQL. Beside them a bare loop of the best bulk statement, and a count of all rows.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use sqlx::{Connection as _, Executor as _, PgConnection};
use vibetea_protocol::Clock;
use vibetea_server::store::{PostgresOptions, SourceFilter, Store};
use vibetea_tests::answers;
use vibetea_tests::hosted::Hosted;
use vibetea_tests::place::{Place, SOURCE, TOKEN, source};

use crate::events::{Ids, Made, Maker, request};
use crate::load;
use crate::query::millis;
use crate::report::{Aim, Report, median, rate};
use crate::servers::{Server, fill, fill_store, open_store};

const SMALL: u64 = 100_000;
const BATCH: usize = 1000;
const BATCHES: usize = 30;
const CONNECTIONS: usize = 4;
/// What a monitor sends of an agent at work, and how many do so at once.
const EVERYDAY: usize = 10;
const EVERYDAY_BATCHES: usize = 640;
const MONITORS: [usize; 2] = [16, 64];
const ASKED: usize = 51;
const RECOUNTED: usize = 5;

const RECOUNT: &str = "SELECT count(*) FROM (
    SELECT source, date_trunc('hour', timestamp AT TIME ZONE 'UTC'), count(*) FROM public.events
    WHERE timestamp >= now() - interval '30 days' GROUP BY 1, 2) AS hours";
const BARE_TABLE: &str = "CREATE TABLE public.bare (
        id TEXT COLLATE \"C\" PRIMARY KEY, source TEXT COLLATE \"C\" NOT NULL, timestamp TIMESTAMPTZ NOT NULL,
        event_type TEXT COLLATE \"C\" NOT NULL
            CHECK (event_type IN ('session', 'activity', 'tool', 'agent', 'summary', 'error')),
        payload JSONB NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now());
    INSERT INTO public.bare SELECT id, source, timestamp, event_type, payload, created_at FROM public.events;
    CREATE INDEX ON public.bare (timestamp DESC);
    CREATE INDEX ON public.bare (source);
    CREATE INDEX ON public.bare (source, timestamp DESC);
    ANALYZE public.bare, public.events";
const BARE_INSERT: &str = "INSERT INTO public.bare (id, source, timestamp, event_type, payload)
    SELECT id, $4, timestamp, 'tool', payload
    FROM unnest($1::text[], $2::text[]::timestamptz[], $3::text[]::jsonb[]) AS given (id, timestamp, payload)
    ON CONFLICT (id) DO NOTHING";

/// Whether a server has counted all that anybody stored.
const IS_COUNTED: &str =
    "SELECT counted.through = stream.newest FROM vibetea.counted CROSS JOIN vibetea.stream";

/// Where the work is done.
struct Homes {
    sqlite: Server,
    postgres: Server,
    /// Another server on the same database.
    second: Server,
    hosted: Hosted,
    bare: PgConnection,
}

pub(crate) async fn measure(report: &mut Report, rows: u64, rounds: usize) -> Result<()> {
    for count in [SMALL, rows] {
        measure_at(report, count, rounds).await?;
    }
    Ok(())
}

async fn measure_at(report: &mut Report, count: u64, rounds: usize) -> Result<()> {
    let beside = Place::new();
    let public_key = beside.make_keys();
    // it has said what is missing
    let Some(hosted) = Hosted::start(&format!("{SOURCE}:{public_key}")) else { return Ok(()) };
    eprintln!("  filling a SQLite file and a PostgreSQL database with {count} events each");
    let place = Place::new();
    fill(&place.database(), &mut past(count), count).await?;
    let store = open_postgres(&hosted.database).await?;
    fill_store(&store, &mut past(count), count).await?;
    let mut bare = PgConnection::connect(&hosted.database).await?;
    bare.execute(BARE_TABLE).await?;
    query_inside(report, &store, &place, &mut bare, count).await?;
    store.close().await;
    let key = SigningKey::from_bytes(&beside.private_key());
    let program = beside.start_server_with(&public_key, &[("VIBETEA_DATABASE_URL", &hosted.database)]);
    let postgres = Server { place: beside, program, key: key.clone(), source: source() };
    let place_of_second = Place::new();
    let program =
        place_of_second.start_server_with(&public_key, &[("VIBETEA_DATABASE_URL", &hosted.database)]);
    let second = Server { place: place_of_second, program, key, source: source() };
    let mut homes = Homes { sqlite: Server::start_in(place), postgres, second, hosted, bare };
    ingest(report, &mut homes, count, rounds).await?;
    let mut maker = Maker::live(Ids::HourFirst, 75 + count);
    for monitors in MONITORS {
        ingest_everyday(report, &mut homes, &mut maker, (count, monitors), rounds).await?;
    }
    query_outside(report, &homes, count)
}

fn past(count: u64) -> Maker {
    Maker::past(Ids::HourFirst, 71, 60, count)
}

async fn open_postgres(url: &str) -> Result<Store> {
    Ok(Store::open_postgres(PostgresOptions::new(url), Clock::System, Box::new(|_| {})).await?)
}

async fn query_inside(
    report: &mut Report,
    postgres: &Store,
    place: &Place,
    connection: &mut PgConnection,
    count: u64,
) -> Result<()> {
    let sqlite = open_store(&place.database()).await?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ASKED {
        for (store, times) in [&sqlite, postgres].into_iter().zip(&mut times) {
            let start = Instant::now();
            let rows = store.get_hourly_aggregates(30, SourceFilter::All).await?;
            times.push(millis(start.elapsed()));
            ensure!(!rows.is_empty(), "the query answers nothing");
        }
    }
    sqlite.close().await;
    let mut recounts = Vec::new();
    for _ in 0..RECOUNTED {
        let start = Instant::now();
        connection.execute(RECOUNT).await?;
        recounts.push(millis(start.elapsed()));
    }
    let [in_sqlite, in_postgres] = times.map(|mut times| median(&mut times));
    let recount = median(&mut recounts);
    report.add(
        format!("query of 30 days, {count} events: SQLite, in the server"),
        in_sqlite,
        "ms",
        Aim::None,
    );
    let what = format!("query of 30 days, {count} events: PostgreSQL, in the server");
    report.add(what, in_postgres, "ms", Aim::AtMost(3.0));
    report.add(format!("a count of all rows of 30 days, {count} events"), recount, "ms", Aim::None);
    let aim = if count > SMALL { Aim::AtLeast(20.0) } else { Aim::None };
    report.add(format!("a count of all rows / query, {count} events"), recount / in_postgres, "×", aim);
    Ok(())
}

async fn ingest(report: &mut Report, homes: &mut Homes, count: u64, rounds: usize) -> Result<()> {
    let mut maker = Maker::live(Ids::HourFirst, 72 + count);
    let key = SigningKey::from_bytes(&homes.postgres.place.private_key());
    let mut rates = [Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    let events = (BATCH * BATCHES) as u64;
    for _ in 0..rounds {
        catch_up(homes, &mut maker).await?;
        let servers = [&homes.sqlite, &homes.postgres];
        for (server, rates) in servers.into_iter().zip(&mut rates) {
            let requests = server.requests("/ingest", &mut maker, BATCHES, BATCH);
            let took = load::send(server.address(), load::spread(requests, CONNECTIONS)).await?;
            rates.push(rate(events, took));
        }
        let requests = for_hosted(&mut maker, &key, BATCHES, BATCH);
        let took = load::send(homes.hosted.address, load::spread(requests, CONNECTIONS)).await?;
        rates[2].push(rate(events, took));
        let batches: Vec<_> = (0..BATCHES).map(|_| columns(&maker.take(BATCH))).collect();
        let start = Instant::now();
        for batch in &batches {
            insert_bare(&mut homes.bare, batch).await?;
        }
        rates[3].push(rate(events, start.elapsed()));
        catch_up(homes, &mut maker).await?;
        let [one, other] = [&homes.postgres, &homes.second].map(|server| {
            let requests = server.requests("/ingest", &mut maker, BATCHES, BATCH);
            load::send(server.address(), load::spread(requests, CONNECTIONS / 2))
        });
        let (one, other) = tokio::try_join!(one, other)?;
        rates[4].push(rate(2 * events, one.max(other)));
    }
    let [sqlite, postgres, hosted, bare, two] = rates.map(|mut rates| median(&mut rates));
    let what = |home| format!("signed ingest of 1000, {count} events stored: {home}");
    report.add(what("SQLite"), sqlite, "events/s", Aim::None);
    report.add(what("PostgreSQL"), postgres, "events/s", Aim::None);
    report.add(what("two servers on one PostgreSQL, together"), two, "events/s", Aim::None);
    report.add(what("hosted functions"), hosted, "events/s", Aim::None);
    let what = format!("bare loop of the best bulk statement, {count} events stored");
    report.add(what, bare, "events/s", Aim::None);
    report.add(
        format!("PostgreSQL / bare loop, {count} events stored"),
        postgres / bare,
        "×",
        Aim::AtLeast(0.6),
    );
    let what = format!("PostgreSQL / hosted functions, {count} events stored");
    report.add(what, postgres / hosted, "×", Aim::AtLeast(5.0));
    Ok(())
}

/// Many monitors, each with a few events at a time.
async fn ingest_everyday(
    report: &mut Report,
    homes: &mut Homes,
    maker: &mut Maker,
    (count, monitors): (u64, usize),
    rounds: usize,
) -> Result<()> {
    let key = SigningKey::from_bytes(&homes.postgres.place.private_key());
    let mut rates = [Vec::new(), Vec::new()];
    let events = (EVERYDAY * EVERYDAY_BATCHES) as u64;
    for _ in 0..rounds {
        catch_up(homes, maker).await?;
        let requests = homes.postgres.requests("/ingest", maker, EVERYDAY_BATCHES, EVERYDAY);
        let took = load::send(homes.postgres.address(), load::spread(requests, monitors)).await?;
        rates[0].push(rate(events, took));
        let requests = for_hosted(maker, &key, EVERYDAY_BATCHES, EVERYDAY);
        let took = load::send(homes.hosted.address, load::spread(requests, monitors)).await?;
        rates[1].push(rate(events, took));
    }
    let [postgres, hosted] = rates.map(|mut rates| median(&mut rates));
    let what =
        |home| format!("signed ingest of {EVERYDAY} by {monitors} monitors, {count} events stored: {home}");
    report.add(what("PostgreSQL"), postgres, "events/s", Aim::None);
    report.add(what("hosted functions"), hosted, "events/s", Aim::None);
    report.add(what("PostgreSQL / hosted functions"), postgres / hosted, "×", Aim::AtLeast(5.0));
    Ok(())
}

/// What the hosted functions stored is counted by the next writes of a server, which are not to be measured.
async fn catch_up(homes: &mut Homes, maker: &mut Maker) -> Result<()> {
    loop {
        let requests = homes.postgres.requests("/ingest", maker, 1, 1);
        load::send(homes.postgres.address(), vec![requests]).await?;
        if sqlx::query_scalar(IS_COUNTED).fetch_one(&mut homes.bare).await? {
            return Ok(());
        }
    }
}

fn for_hosted(maker: &mut Maker, key: &SigningKey, batches: usize, size: usize) -> Vec<Bytes> {
    let request = |_| request("/functions/v1/ingest", &maker.take(size), &source(), key);
    (0..batches).map(request).collect()
}

/// Ids, times and payloads.
type Columns = [Vec<String>; 3];

fn columns(events: &[Made]) -> Columns {
    [
        events.iter().map(|event| event.id.to_string()).collect(),
        events.iter().map(|event| event.timestamp.to_string()).collect(),
        events.iter().map(|event| event.payload.clone()).collect(),
    ]
}

async fn insert_bare(connection: &mut PgConnection, [ids, times, payloads]: &Columns) -> Result<()> {
    let query = sqlx::query(BARE_INSERT).bind(ids).bind(times).bind(payloads).bind(SOURCE);
    ensure!(query.execute(connection).await?.rows_affected() == ids.len() as u64, "the load repeats an id");
    Ok(())
}

fn query_outside(report: &mut Report, homes: &Homes, count: u64) -> Result<()> {
    let doors = [
        ("SQLite", homes.sqlite.address()),
        ("PostgreSQL", homes.postgres.address()),
        ("hosted functions", homes.hosted.address),
    ];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ASKED {
        for ((_, address), times) in doors.iter().zip(&mut times) {
            let start = Instant::now();
            let answer = answers::get(*address, "/functions/v1/query?days=30", &answers::bearer(TOKEN));
            times.push(millis(start.elapsed()));
            ensure!(answer.context("the server answers")?.status == 200, "the query fails");
        }
    }
    for ((home, _), times) in doors.iter().zip(&mut times) {
        let what = format!("query of 30 days over HTTP, {count} events: {home}");
        report.add(what, median(times), "ms", Aim::None);
    }
    Ok(())
}
