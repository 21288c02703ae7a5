//! Random events of every kind, and the plain recount that kept counts are compared with. What a payload says is read
//! here from the JSON value, by other code than the server's.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use vibetea_protocol::{EventType, Timestamp};
use vibetea_server::store::{NewBatch, NewEvent, Route, SourceFilter, Store};

use crate::support::{id, source};

pub(crate) const SOURCES: [&str; 3] = ["laptop", "Über", "desk top"];
pub(crate) const PROJECTS: [&str; 4] = ["shop", "büro \"x\"", "other", "~"];
pub(crate) const TOOLS: [&str; 4] = ["Read", "Bash", "mcp__a__b", "other"];
pub(crate) const SESSIONS: [&str; 4] = ["s-1", "s-2", "6f1c1e0a-8f0e-4d2e-9a4e-0d6a4a1b2c3d", "s\\4"];

/// An event as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) number: u64,
    pub(crate) source: usize,
    pub(crate) micros: i64,
    pub(crate) event_type: EventType,
    pub(crate) payload: Value,
}

impl Made {
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.payload[field].as_str()
    }

    pub(crate) fn source_name(&self) -> &'static str {
        SOURCES[self.source]
    }

    /// The tool of a tool event.
    pub(crate) fn tool(&self) -> Option<&str> {
        (self.event_type == EventType::Tool)
            .then(|| self.text("tool").filter(|tool| !tool.is_empty()).unwrap_or("other"))
    }

    /// The place of its step among started, completed and failed.
    pub(crate) fn step(&self) -> Option<usize> {
        match self.event_type {
            EventType::Tool => match (self.text("status")?, self.payload["success"].as_bool()) {
                ("started", _) => Some(0),
                ("completed", Some(false)) | ("failed", _) => Some(2),
                ("completed", _) => Some(1),
                _ => None,
            },
            EventType::Agent => {
                ["started", "completed", "failed"].iter().position(|step| Some(*step) == self.text("state"))
            }
            _ => None,
        }
    }

    pub(crate) fn new_event(&self) -> NewEvent {
        let timestamp = Timestamp::from_micros(self.micros).unwrap();
        NewEvent::new(id(self.number), timestamp, self.event_type, self.payload.to_string().into())
    }
}

/// Mostly one of these, sometimes nothing of use.
fn name(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => prop::sample::select(names).prop_map(|name| json!(name)),
        1 => Just(Value::Null),
        1 => prop_oneof![Just(json!("")), Just(json!(7)), Just(json!(["shop"])), Just(json!({"tool": "Read"}))],
    ]
}

fn payload() -> impl Strategy<Value = (EventType, Value)> {
    let status = prop::sample::select(vec!["started", "completed", "failed", "ended", "paused"]);
    let duration = prop_oneof![
        3 => (0..100_000_u64).prop_map(|millis| json!(millis)),
        1 => prop_oneof![Just(json!(-1)), Just(json!(2.5)), Just(json!("12")), Just(json!(u64::MAX)), Just(Value::Null)],
    ];
    let success = prop_oneof![Just(json!(true)), Just(json!(false)), Just(Value::Null), Just(json!("no"))];
    (
        prop::sample::select(EventType::ALL.to_vec()),
        (name(&SESSIONS), name(&PROJECTS), name(&TOOLS), name(&["a1", "a2"]), name(&["Explore", "Plan"])),
        (status, duration, success),
    )
        .prop_map(|(event_type, (session, project, tool, agent, kind), (status, duration, success))| {
            let payload = json!({
                "sessionId": session, "project": project, "tool": tool, "agentId": agent, "agentType": kind,
                "status": status, "state": status, "action": status, "durationMs": duration, "success": success,
                "unknown": { "project": "hidden" },
            });
            (event_type, payload)
        })
}

/// Events at such moments, each with a number of its own.
pub(crate) fn events(
    moment: impl Strategy<Value = i64> + 'static,
    most: usize,
) -> impl Strategy<Value = Vec<Made>> {
    prop::collection::vec((0..SOURCES.len(), moment, payload()), 1..most).prop_map(|events| {
        let numbered =
            events.into_iter().zip(0..).map(|((source, micros, (event_type, payload)), number)| Made {
                number,
                source,
                micros,
                event_type,
                payload,
            });
        numbered.collect()
    })
}

/// Sends events in a few batches, some twice: what is repeated must not count.
pub(crate) async fn send(store: &Store, events: &[Made]) {
    for part in events.chunks(40) {
        for (number, name) in SOURCES.into_iter().enumerate() {
            let of_source: Vec<_> =
                part.iter().filter(|event| event.source == number).map(Made::new_event).collect();
            let batch = NewBatch { source: source(name), route: Route::Batch, events: of_source };
            store.bulk_insert_events(batch.clone()).await.unwrap();
            assert_eq!(store.bulk_insert_events(batch).await.unwrap(), 0);
        }
    }
}

pub(crate) fn filter(source: Option<&str>) -> SourceFilter {
    source.map_or(SourceFilter::All, |name| SourceFilter::One(name.to_owned()))
}

/// Everybody's, one source's, or those of several, of which some never sent.
pub(crate) fn sources() -> impl Strategy<Value = SourceFilter> {
    const NAMES: [&str; 4] = [SOURCES[0], SOURCES[1], SOURCES[2], "nobody"];
    prop_oneof![
        2 => Just(SourceFilter::All),
        2 => prop::sample::select(&SOURCES[..]).prop_map(|source| filter(Some(source))),
        3 => prop::sample::subsequence(&NAMES[..], 0..=3)
            .prop_map(|sources| SourceFilter::among(sources.into_iter().map(str::to_owned))),
    ]
}

/// How often each key comes.
pub(crate) fn tally<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, u64> {
    let mut tally = BTreeMap::new();
    keys.into_iter().for_each(|key| *tally.entry(key).or_default() += 1);
    tally
}
