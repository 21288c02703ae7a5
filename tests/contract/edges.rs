//! The edge of the window of `query`, to the microsecond: what is on it counts, what is one before it does not, in
//! every home alike.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use vibetea_protocol::Timestamp;
use vibetea_protocol::signing::PublicKey;
use vibetea_protocol::timestamp::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_QUARTER};
use vibetea_tests::answers::{self, bearer};
use vibetea_tests::place::TOKEN;

use crate::homes::{NAMES, ingest, key};
use crate::still::Still;

const SOURCES: [&str; 2] = ["desktop", "laptop"];
const DAYS: [i64; 2] = [7, 30];
/// Within a quarter of an hour, which is counted one by one, and around the edges of quarters and hours, where kept
/// counts begin.
const MOMENTS: [&str; 7] = [
    "2026-02-10T12:34:56.789012Z",
    "2026-02-10T12:00:00Z",
    "2026-02-10T11:59:59.999999Z",
    "2026-02-10T12:15:00.000001Z",
    "2026-02-10T12:14:59.999999Z",
    "2026-02-10T00:00:00Z",
    "2026-03-01T23:59:59.999999Z",
];

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

/// Times around the edges of the windows that end at this moment: around each edge itself, and around the quarter and
/// the hour behind and before it.
fn around(now: Timestamp) -> Vec<i64> {
    let edges = DAYS.map(|days| now.as_micros() - days * MICROS_PER_DAY);
    let marks = edges.into_iter().flat_map(|edge| {
        let (quarter, hour) = (edge - edge % MICROS_PER_QUARTER, edge - edge % MICROS_PER_HOUR);
        [edge, quarter, quarter + MICROS_PER_QUARTER, hour, hour + MICROS_PER_HOUR]
    });
    marks.flat_map(|mark| [mark - 1, mark, mark + 1]).collect()
}

/// The rows of an answer, by a plain recount of what was sent.
fn recounted(sent: &[(&str, i64)], now: Timestamp, days: i64, source: Option<&str>) -> Value {
    let from = now.as_micros() - days * MICROS_PER_DAY;
    let mut rows = BTreeMap::new();
    for (name, micros) in sent {
        if *micros >= from && source.is_none_or(|source| source == *name) {
            *rows.entry((Reverse(moment(*micros).hours()), *name)).or_insert(0) += 1;
        }
    }
    let row = |((Reverse(hour), name), count): ((Reverse<i64>, &str), i64)| {
        let date = &moment(hour * MICROS_PER_HOUR).to_string()[..10];
        json!({ "source": name, "date": date, "hour": hour % 24, "eventCount": count })
    };
    rows.into_iter().map(row).collect()
}

fn asked(home: SocketAddr, days: i64, source: Option<&str>) -> Value {
    let filter = source.map_or_else(String::new, |source| format!("&source={source}"));
    let path = format!("/functions/v1/query?days={days}{filter}");
    let answer = answers::get(home, &path, &bearer(TOKEN)).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["aggregates"].take()
}

/// The homes that do not say at this moment what a recount says, for the windows of either length.
fn wrong(homes: &Still, sent: &[(&str, i64)], now: Timestamp) -> Vec<&'static str> {
    let is_wrong = |home: SocketAddr| {
        let questions = DAYS.iter().flat_map(|days| [None, Some(SOURCES[0])].map(|source| (*days, source)));
        questions
            .into_iter()
            .any(|(days, source)| asked(home, days, source) != recounted(sent, now, days, source))
    };
    NAMES
        .into_iter()
        .zip(homes.addresses())
        .filter(|(_, home)| is_wrong(*home))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn an_event_on_the_edge_of_a_window_counts_and_one_a_microsecond_before_it_does_not() {
    let public = PublicKey::of(&key()).to_base64();
    let keys = SOURCES.map(|source| format!("{source}:{public}")).join(",");
    let Some(homes) = Still::start(&keys) else { return };
    let moments = MOMENTS.map(|text| text.parse::<Timestamp>().unwrap());
    let mut sent = Vec::new();
    for (at, source) in SOURCES.into_iter().enumerate() {
        let mut events = Vec::new();
        for (number, micros) in moments.into_iter().flat_map(around).enumerate() {
            let id = format!("evt_{at}{number:019}");
            events.push(json!({ "id": id, "source": source, "timestamp": moment(micros), "type": "tool", "payload": {} }));
            sent.push((source, micros));
        }
        let body = serde_json::to_vec(&events).unwrap();
        for home in homes.addresses() {
            let answer = ingest(home, source, &body);
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }
    for now in moments {
        homes.stand_at(now);
        assert_eq!(wrong(&homes, &sent, now), [""; 0], "{now}");
    }
    // planted: windows that begin a microsecond early or late, or with a whole hour, are seen
    for now in [moments[0], moments[1]] {
        let [early, late] = [-1, 1].map(|off| moment(now.as_micros() + off));
        for planted in [early, late] {
            homes.servers_stand_at(planted);
            homes.hosted_stands_at(&format!("timestamptz '{planted}'"));
            assert_eq!(wrong(&homes, &sent, now), NAMES, "{now}");
        }
        homes.stand_at(now);
        homes.hosted_stands_at(&format!("(date_trunc('hour', timestamptz '{now}') + interval '1 hour')"));
        assert_eq!(wrong(&homes, &sent, now), NAMES[2..], "{now}");
    }
}
