//! A store that an earlier release has filled is counted once, when it is opened.

use rusqlite::Connection;
use vibetea_protocol::timestamp::MICROS_PER_QUARTER;
use vibetea_server::store::Store;

use crate::support::{Place, at};

const FIRST: &str = include_str!("../../../migrations/sqlite/0001_events.sql");
const KEPT: [&str; 8] =
    ["name", "quarterly", "daily", "periodic", "session", "session_quarter", "session_tool", "session_agent"];

/// The kept tables with names in place of numbers, as text.
fn kept(connection: &Connection) -> Vec<String> {
    let queries = [
        "SELECT quarter, k.source, p.text, type, t.text, events, started, completed, failed, hex(durations) FROM quarterly k
         LEFT JOIN name p ON p.id = project LEFT JOIN name t ON t.id = tool ORDER BY 1, 2, 3, 4, 5",
        "SELECT day, k.source, p.text, type, t.text, events, started, completed, failed, hex(durations) FROM daily k
         LEFT JOIN name p ON p.id = project LEFT JOIN name t ON t.id = tool ORDER BY 1, 2, 3, 4, 5",
        "SELECT period, k.source, p.text, type, t.text, events, started, completed, failed, hex(durations) FROM periodic k
         LEFT JOIN name p ON p.id = project LEFT JOIN name t ON t.id = tool ORDER BY 1, 2, 3, 4, 5",
        "SELECT name, source, started, last, ended, project, project_at, events, activities, errors FROM session
         ORDER BY 1, 2",
        "SELECT s.name, s.source, quarter FROM session_quarter JOIN session s ON s.id = session ORDER BY 1, 2, 3",
        "SELECT s.name, s.source, t.text, k.started, k.completed, k.failed FROM session_tool k
         JOIN session s ON s.id = session LEFT JOIN name t ON t.id = tool ORDER BY 1, 2, 3",
        "SELECT s.name, s.source, agent, type, first, k.started, k.completed, k.failed FROM session_agent k
         JOIN session s ON s.id = session ORDER BY 1, 2, 3, 4",
    ];
    let mut rows = Vec::new();
    for query in queries {
        let mut select = connection.prepare(query).unwrap();
        let columns = select.column_count();
        let found = select.query_map([], |row| {
            let values: Vec<rusqlite::types::Value> = (0..columns).map(|at| row.get(at).unwrap()).collect();
            Ok(format!("{values:?}"))
        });
        rows.extend(found.unwrap().map(Result::unwrap));
    }
    rows
}

/// Twelve thousand events of two sources, written as the first release wrote them; there are gaps between places.
fn fill(connection: &Connection) {
    let start = at("2026-02-03T00:00:00Z").as_micros();
    connection
        .execute_batch("BEGIN; INSERT INTO source (id, name) VALUES (1, 'laptop'), (2, 'desktop')")
        .unwrap();
    let mut insert = connection
        .prepare("INSERT INTO event (seq, id, ts, source, type, live, payload, created) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0)")
        .unwrap();
    let steps = ["started", "completed", "failed", "ended"];
    for number in 0..12_000_i64 {
        let step = steps[usize::try_from(number % 4).unwrap()];
        let payload = format!(
            r#"{{"sessionId":"s-{}","project":"p-{}","tool":"t-{}","status":"{step}","state":"{step}","action":"{step}","agentId":"a{}","durationMs":{number}}}"#,
            number / 500,
            number % 5,
            number % 9,
            number % 3,
        );
        let moment = start + number * MICROS_PER_QUARTER / 10;
        insert
            .execute((number * 2 + 1, format!("{number:020}"), moment, number % 2 + 1, number % 6, payload))
            .unwrap();
    }
    drop(insert);
    connection.execute_batch("COMMIT").unwrap();
}

/// A database as the first release left it.
fn old_store(place: &Place) {
    std::fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    let connection = place.shell();
    connection
        .execute_batch(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
        )
        .unwrap();
    connection.execute_batch(FIRST).unwrap();
    let checksum = sqlx::migrate!("../migrations/sqlite").iter().next().unwrap().checksum.to_vec();
    connection
        .execute("INSERT INTO _sqlx_migrations VALUES (1, 'events', CURRENT_TIMESTAMP, 1, ?1, 0)", [checksum])
        .unwrap();
    fill(&connection);
}

/// What live counting makes of the same events.
async fn counted_live(store: &Store, old: &Connection) {
    use vibetea_server::store::{NewBatch, NewEvent, Route};
    let mut select = old.prepare("SELECT id, ts, type, payload, source FROM event ORDER BY seq").unwrap();
    let rows = select.query_map([], |row| {
        let event = NewEvent::new(
            vibetea_protocol::EventId::from_key(&row.get::<_, String>(0)?).unwrap(),
            vibetea_protocol::Timestamp::from_micros(row.get(1)?).unwrap(),
            vibetea_protocol::EventType::from_number(row.get(2)?).unwrap(),
            row.get::<_, String>(3)?.into(),
        );
        Ok((row.get::<_, i64>(4)?, event))
    });
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    for part in rows.chunks(1000) {
        for (number, name) in [(1, "laptop"), (2, "desktop")] {
            let events = part.iter().filter(|row| row.0 == number).map(|row| row.1.clone()).collect();
            let batch = NewBatch { source: crate::support::source(name), route: Route::Batch, events };
            store.bulk_insert_events(batch).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_of_the_first_release_is_counted_as_if_it_had_been_counted_live() {
    let (old, new) = (Place::new(), Place::new());
    old_store(&old);
    old.open().await.close().await;
    let store = new.open().await;
    counted_live(&store, &old.shell()).await;
    store.close().await;
    let counted = kept(&old.shell());
    assert!(counted.len() > 1000);
    assert_eq!(counted, kept(&new.shell()));
    let left: i64 = old.shell().query_row("SELECT count(*) FROM uncounted", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    // a second start counts nothing anew
    old.open().await.close().await;
    assert_eq!(kept(&old.shell()), counted);
}

#[tokio::test]
async fn counting_that_was_interrupted_goes_on_where_it_stood() {
    let place = Place::new();
    old_store(&place);
    place.open().await.close().await;
    let whole = kept(&place.shell());
    let count = |next: i64, last: i64| {
        place.shell().execute("INSERT INTO uncounted VALUES (?1, ?2)", [next, last]).unwrap();
    };
    let clear: String = KEPT.map(|table| format!("DELETE FROM {table};")).concat();
    // as a start leaves it that died after its first part, whose mark is written with its counts
    place.shell().execute_batch(&clear).unwrap();
    count(1, 9_001);
    place.open().await.close().await;
    assert_ne!(kept(&place.shell()), whole);
    count(9_002, 23_999);
    place.open().await.close().await;
    assert_eq!(kept(&place.shell()), whole);
    count(23_999, 23_999);
    place.open().await.close().await;
    assert_ne!(kept(&place.shell()), whole, "counting an event twice would be seen");
}
