//! The same random batches to all three homes of events: a server on SQLite, a server on PostgreSQL, and the hosted
//! functions. Every request has the same answer from each, and so has every query; in the end the rows are the same.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use vibetea_protocol::signing::{PublicKey, sign_body};
use vibetea_protocol::{Clock, EventType, Timestamp};
use vibetea_testkit::Cluster;
use vibetea_tests::answers::{self, Answer, bearer};
use vibetea_tests::dice::Dice;
use vibetea_tests::hosted::Hosted;
use vibetea_tests::place::{Place, TOKEN};
use vibetea_tests::program::loopback;
use vibetea_tests::stored::{self, Stored};

use crate::crash::is_soak;

/// In no order; by bytes, by code points and by UTF-16 units they sort differently.
const SOURCES: [&str; 6] = ["zoo", "Laptop", "laptop", "büro", "\u{1F375}tea", "\u{FB01}sh"];
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// The three answer a little after each other, each by its own clock: an event this near to the edge of a window could
/// be in one answer and not in the next. The very edges are tested where the clocks stand still (`tests/contract`).
const EDGE: i64 = HOUR / 6;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A moment in or around the windows of 7 and 30 days, often at the begin of an hour or near an edge.
fn moment(dice: &mut Dice, now: i64) -> Timestamp {
    let below =
        |dice: &mut Dice, limit: i64| i64::try_from(dice.below(limit.unsigned_abs())).unwrap_or_default();
    let edge = *dice.pick(&[7, 30]) * DAY;
    let micros = match dice.below(5) {
        0 => now - edge + EDGE + below(dice, HOUR),
        1 => now - edge - EDGE - below(dice, HOUR),
        2 => (now / HOUR - below(dice, 40 * 24)) * HOUR,
        3 => now + below(dice, 2 * DAY),
        _ => now - below(dice, 40 * DAY),
    };
    let near_edge = [7, 30].iter().any(|days| (now - days * DAY - micros).abs() < EDGE);
    Timestamp::from_micros(if near_edge { now } else { micros }).unwrap()
}

fn batch(dice: &mut Dice, source: &str, now: i64) -> Vec<u8> {
    let events: Vec<Value> = (0..=dice.below(120))
        .map(|_| {
            let kind = dice.pick(&EventType::ALL);
            json!({
                // few ids, so that many come again, also from other sources
                "id": format!("evt_{:020}", dice.below(2000)),
                "source": source,
                "timestamp": moment(dice, now),
                "eventType": kind,
                "payload": { "sessionId": "s", "n": dice.below(9) },
            })
        })
        .collect();
    serde_json::to_vec(&events).unwrap()
}

fn post(home: SocketAddr, source: &str, body: &[u8]) -> Answer {
    let headers = [format!("X-Source-ID: {source}"), format!("X-Signature: {}", sign_body(&key(), body))];
    answers::post(home, "/functions/v1/ingest", &headers, body).expect("an answer")
}

/// Every query there is, without the moment of its answer.
fn queries(home: SocketAddr) -> Vec<Value> {
    let mut all = Vec::new();
    for days in [7, 30] {
        for source in SOURCES.iter().map(Some).chain([None]) {
            let filter: String = source.map_or_else(String::new, |source| {
                let encoded: String = url::form_urlencoded::byte_serialize(source.as_bytes()).collect();
                format!("&source={encoded}")
            });
            let path = format!("/functions/v1/query?days={days}{filter}");
            let answer = answers::get(home, &path, &bearer(TOKEN)).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.body);
            let answer = answer.json();
            all.push(json!([
                answer["aggregates"],
                answer["meta"]["totalCount"],
                answer["meta"]["daysRequested"]
            ]));
        }
    }
    all
}

/// Every row there is.
fn rows_at(url: &str) -> Vec<Stored> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(stored::events_at(url)).unwrap()
}

/// Ids of the events that only one has, or that they have with another value.
fn differences(one: &[Stored], other: &[Stored]) -> Vec<String> {
    let by_id = |rows: &[Stored]| -> BTreeMap<String, Stored> {
        let by_id: BTreeMap<_, _> = rows.iter().map(|row| (row.id.clone(), row.clone())).collect();
        assert_eq!(by_id.len(), rows.len(), "an event is stored twice");
        by_id
    };
    let (one, other) = (by_id(one), by_id(other));
    let ids = one.keys().chain(other.keys().filter(|id| !one.contains_key(*id)));
    let mut different: Vec<String> = ids.filter(|id| one.get(*id) != other.get(*id)).cloned().collect();
    different.sort();
    different
}

/// One change of each column of an event.
const PLANTED: [&str; 4] = [
    "source = source || '2'",
    "timestamp = timestamp + interval '1 microsecond'",
    "event_type = CASE event_type WHEN 'error' THEN 'tool' ELSE 'error' END",
    r#"payload = payload || '{"n": 9}'"#,
];

#[test]
fn the_same_batches_have_the_same_answers_in_all_three_homes() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let public = PublicKey::of(&key()).to_base64();
    let keys = SOURCES.map(|source| format!("{source}:{public}")).join(",");
    let Some(hosted) = Hosted::start(&keys) else { return };
    let places = [Place::new(), Place::new()];
    let variables = [("VIBETEA_PUBLIC_KEYS", keys.as_str()), ("VIBETEA_DATABASE_URL", &database.url())];
    let _servers =
        [places[0].start_server_with("", &variables[..1]), places[1].start_server_with("", &variables)];
    let homes = [loopback(places[0].port), loopback(places[1].port), hosted.address];
    let mut dice = Dice::new();
    let now = Clock::System.now().as_micros();
    for _ in 0..if is_soak() { 60 } else { 6 } {
        for _ in 0..5 {
            let source = dice.pick(&SOURCES);
            let body = batch(&mut dice, source, now);
            let [first, others @ ..] = homes.map(|home| post(home, source, &body));
            assert_eq!(first.status, 200, "{}", first.body);
            for other in others {
                assert_eq!((other.status, other.json()), (first.status, first.json()));
            }
        }
        let [first, others @ ..] = homes.map(queries);
        for other in others {
            assert_eq!(other, first);
        }
    }
    let rows = stored::events(&places[0].database()).unwrap();
    assert!(rows.len() > 100, "{}", rows.len());
    for url in [database.url(), hosted.database.clone()] {
        assert_eq!(differences(&rows_at(&url), &rows), [""; 0]);
    }
    // one event more in one of them is seen
    let extra = json!([{
        "id": "evt_extra000000000000000", "source": "zoo", "timestamp": Clock::System.now(), "type": "error",
        "payload": {},
    }]);
    assert_eq!(post(homes[1], "zoo", &serde_json::to_vec(&extra).unwrap()).status, 200);
    let [in_a_file, in_a_database, behind_functions] = homes.map(queries);
    assert_eq!(in_a_file, behind_functions);
    assert_ne!(in_a_file, in_a_database);
    // and so is each value of a row
    let mut shell = database.shell();
    let mut planted = vec!["evt_extra000000000000000".to_owned()];
    for (change, row) in PLANTED.iter().zip(&rows) {
        shell.execute(&format!("UPDATE public.events SET {change} WHERE id = '{}'", row.id));
        planted.push(row.id.clone());
    }
    planted.sort();
    assert_eq!(differences(&rows_at(&database.url()), &rows), planted);
}
