//! A store of every schema that was ever released goes on with everything in it.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha384};
use vibetea_protocol::api::CountsBy;
use vibetea_server::store::{
    BreakdownsQuestion, Calendar, CountsQuestion, EventFilter, EventsQuestion, Position, Range, Route,
    SessionsQuestion, Side, SourceFilter, Store, StoredToken,
};

use crate::home::make_version;
use crate::support::{Place, at, insert};

/// The version since which a store keeps who may send and who may watch.
const FIRST_WITH_ACCESS: i64 = 4;

/// A migration as it was released.
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) description: String,
    pub(crate) text: String,
    /// Hexadecimal.
    pub(crate) checksum: String,
}

/// Those of a database, in their order.
pub(crate) fn migrations(database: &str) -> Vec<Migration> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(database);
    let mut found: Vec<Migration> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let (version, description) = name.split_once('_').unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let checksum = hex(&Sha384::digest(&text));
            let (version, description) = (version.parse().unwrap(), description.replace('_', " "));
            Migration { version, description, text, checksum }
        })
        .collect();
    found.sort_by_key(|migration| migration.version);
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The rows that a store of that version held, from a text with `-- since N` before those of the tables of version N.
pub(crate) fn rows(text: &str, version: i64) -> String {
    let parts = text.split("-- since ").skip(1).map(|part| part.split_once('\n').unwrap());
    parts.filter(|(since, _)| since.parse::<i64>().unwrap() <= version).map(|(_, rows)| rows).collect()
}

fn released() -> Vec<i64> {
    migrations("sqlite").into_iter().map(|migration| migration.version).collect()
}

/// Everything that a store says of itself, as text.
async fn said(store: &Store) -> Vec<String> {
    let range = Range::new(None, None);
    let all = SourceFilter::All;
    let question = EventsQuestion {
        filter: EventFilter::default(),
        range,
        side: Side::After(Position::start_of(range)),
        limit: 1000,
    };
    let events = store.events(question).await.unwrap().events;
    let question = SessionsQuestion {
        sources: all.clone(),
        project: None,
        state: None,
        range,
        before: None,
        limit: 1000,
        now: at("2026-02-03T14:30:00Z"),
    };
    let sessions = store.sessions(question).await.unwrap().sessions;
    let question = CountsQuestion { sources: all.clone(), range, split: true };
    let counts = store.counts(question, Calendar::new("UTC", CountsBy::Hour).unwrap()).await.unwrap();
    let breakdowns =
        store.breakdowns(BreakdownsQuestion { sources: all, project: None, range }).await.unwrap();
    vec![
        json(&events),
        json(&sessions),
        json(&counts.counts),
        json(&(breakdowns.tools, breakdowns.projects, breakdowns.sources, breakdowns.types)),
        format!("{:?}", store.totals(SourceFilter::All).await.unwrap()),
    ]
}

/// Sorted keys, so that what each database keeps of a payload compares.
fn json(value: impl Serialize) -> String {
    serde_json::to_value(value).unwrap().to_string()
}

/// Who may send and who may watch, as text.
async fn admitted(store: &Store) -> Vec<String> {
    let access = store.access();
    let sources = access.sources().await.unwrap().into_iter().map(|source| format!("{source:?}"));
    let activity = access.activity().await.unwrap().into_iter().map(|seen| format!("{seen:?}"));
    let tokens = access.tokens().await.unwrap().into_iter().map(|token| {
        let StoredToken { id, name, digest, admin, sources, created, expires, last_used } = token;
        format!("{id} {name} {digest:?} {admin} {sources:?} {created} {expires:?} {last_used:?}")
    });
    sources.chain(activity).chain(tokens).collect()
}

/// What a store that was made at that version says after this release has opened it.
async fn opened(version: i64, change: &str) -> (Vec<String>, Vec<String>) {
    let place = Place::new();
    make_version(&place.home, version);
    if !change.is_empty() {
        place.execute(change);
    }
    let store = place.open().await;
    // what came before is known, what comes is stored, and after it everything is counted
    assert_eq!(insert(&store, "laptop", Route::Batch, [900]).await.unwrap(), 1);
    let told = (said(&store).await, admitted(&store).await);
    let again: Vec<_> = place.column("SELECT id FROM events ORDER BY id");
    assert_eq!(again.len(), 13);
    store.close().await;
    // and so it does after one more start
    let store = place.open().await;
    assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, 13);
    store.close().await;
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_counts_of_every_released_version_survive() {
    let versions = released();
    let (newest, older) = versions.split_last().unwrap();
    let (newest, admits) = opened(*newest, "").await;
    assert!(newest[0].contains("evt_") && newest[1].contains("sessionId"), "{newest:?}");
    assert_eq!(admits.len(), 5, "two sources, one of them seen, and two tokens: {admits:?}");
    for version in older.iter().copied() {
        let (said, admitted) = opened(version, "").await;
        assert_eq!(said, newest, "version {version}");
        let expected: &[String] = if version < FIRST_WITH_ACCESS { &[] } else { &admits };
        assert_eq!(admitted, expected, "version {version}");
    }
}

/// Planted bug: an upgrade that loses a row.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_lost_on_the_way_is_seen_by_the_check() {
    let whole = opened(1, "").await;
    let lost = "DELETE FROM hourly WHERE hour = (SELECT min(hour) FROM hourly)";
    assert_ne!(opened(1, lost).await, whole);
    let whole = opened(FIRST_WITH_ACCESS, "").await;
    for lost in ["DELETE FROM viewer_token WHERE name = 'wall'", "UPDATE source_key SET expires = NULL"] {
        assert_ne!(opened(FIRST_WITH_ACCESS, lost).await, whole, "{lost}");
    }
}
