//! Bodies of the two signed routes that no list of cases can hold: any bytes, any good batch, any fault in one.

#![expect(clippy::unwrap_used, reason = "a failed helper fails its test")]

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vibetea_protocol::batch::{self, IdRule};
use vibetea_protocol::event::write_event;
use vibetea_protocol::{ErrorCode, EventId, EventType, Problem, SourceId, Timestamp, TypeField};

/// An event as a test makes it, before it is written as JSON.
#[derive(Debug, Clone)]
struct Made {
    id: String,
    micros: i64,
    offset_minutes: i64,
    event_type: EventType,
    payload: Map<String, Value>,
    spelling: TypeField,
}

impl Made {
    fn timestamp(&self) -> String {
        let local = Timestamp::from_micros(self.micros + self.offset_minutes * 60_000_000).unwrap();
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.abs();
        format!("{}{sign}{:02}:{:02}", local.to_string().trim_end_matches('Z'), minutes / 60, minutes % 60)
    }

    fn json(&self, source: &str) -> Map<String, Value> {
        let mut event = Map::new();
        event.insert("id".to_owned(), json!(self.id));
        event.insert("source".to_owned(), json!(source));
        event.insert("timestamp".to_owned(), json!(self.timestamp()));
        event.insert(self.spelling.as_str().to_owned(), json!(self.event_type));
        event.insert("payload".to_owned(), Value::Object(self.payload.clone()));
        event
    }
}

fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', " "))
}

/// JSON values at most `depth` levels deep.
fn value(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.0e15..1.0e15).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn payload() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![text(), Just("project".to_owned()), Just("type".to_owned())];
    vec((name, value(6)), 0..6).prop_map(|fields| fields.into_iter().collect())
}

fn event_type() -> impl Strategy<Value = EventType> {
    prop::sample::select(EventType::ALL.to_vec())
}

fn spelling() -> impl Strategy<Value = TypeField> {
    prop_oneof![Just(TypeField::EventType), Just(TypeField::Type)]
}

const LAST_MICROS: i64 = 253_402_300_799_999_999;
const DAY: i64 = 86_400_000_000;

fn made() -> impl Strategy<Value = Made> {
    ("evt_[a-z0-9]{20}", DAY..LAST_MICROS - DAY, -1439_i64..=1439, event_type(), payload(), spelling())
        .prop_map(|(id, micros, offset_minutes, event_type, payload, spelling)| Made {
            id,
            micros,
            offset_minutes,
            event_type,
            payload,
            spelling,
        })
}

fn source() -> impl Strategy<Value = String> {
    let shown = any::<char>().prop_map(|c| if c.is_control() { '-' } else { c });
    vec(shown, 1..=128).prop_map(|chars| chars.into_iter().collect())
}

fn body_of(events: &[Map<String, Value>]) -> Vec<u8> {
    serde_json::to_vec(events).unwrap()
}

/// A fault put into one event, and the code it must be refused with.
#[derive(Debug, Clone)]
enum Fault {
    Without(&'static str),
    Wrong(&'static str, Value),
    UnknownType(String),
    OtherSource,
    Nul(String),
    TooDeep(usize),
    TooLarge(usize),
}

fn fault() -> impl Strategy<Value = Fault> {
    let fields = prop::sample::select(vec!["id", "source", "timestamp", "type", "payload"]);
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!("")),
        Just(json!([])),
    ];
    prop_oneof![
        fields.clone().prop_map(Fault::Without),
        (fields, scalar).prop_map(|(field, wrong)| Fault::Wrong(field, wrong)),
        "evt_([a-z0-9]{0,19}|[a-z0-9]{21,30}|[a-z0-9]{19}[^a-z0-9])"
            .prop_map(|id| Fault::Wrong("id", json!(id))),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}( |T)[0-9]{2}:[0-9]{2}:[0-9]{2}(|[+-][0-9]{4}|UTC)"
            .prop_map(|time| Fault::Wrong("timestamp", json!(time))),
        "[a-z_]{1,30}"
            .prop_filter("not one of ours", |name| EventType::from_name(name).is_none())
            .prop_map(Fault::UnknownType),
        Just(Fault::OtherSource),
        text().prop_map(Fault::Nul),
        (16_usize..100).prop_map(Fault::TooDeep),
        (16_375_usize..40_000).prop_map(Fault::TooLarge),
    ]
}

impl Fault {
    fn put_into(&self, event: &mut Map<String, Value>) -> ErrorCode {
        match self {
            Self::Without("type") => {
                event.remove("type");
                event.remove("eventType");
            }
            Self::Without(field) => {
                event.remove(*field);
            }
            Self::Wrong("type", wrong) => {
                event.remove("type");
                event.insert("eventType".to_owned(), wrong.clone());
            }
            Self::Wrong(field, wrong) => {
                event.insert((*field).to_owned(), wrong.clone());
            }
            Self::UnknownType(name) => {
                event.remove("eventType");
                event.insert("type".to_owned(), json!(name));
                return ErrorCode::InvalidEventType;
            }
            Self::OtherSource => {
                let source = event["source"].as_str().unwrap();
                let other = if source == "x" { "y" } else { "x" };
                event.insert("source".to_owned(), json!(other));
                return ErrorCode::SourceMismatch;
            }
            Self::Nul(text) => {
                event["payload"] = json!({ "a": [{ "b": format!("{text}\0") }] });
            }
            Self::TooDeep(levels) => {
                event["payload"] = json!({ "a": (0..*levels).fold(json!(1), |inner, _| json!([inner])) });
            }
            Self::TooLarge(length) => event["payload"] = json!({ "text": "x".repeat(*length) }),
        }
        ErrorCode::InvalidEvent
    }
}

fn assert_fit_for_an_answer(problem: &Problem) {
    let bodies = [
        ErrorCode::InvalidRequest,
        ErrorCode::EmptyBatch,
        ErrorCode::BatchTooLarge,
        ErrorCode::InvalidEvent,
        ErrorCode::InvalidEventType,
        ErrorCode::SourceMismatch,
    ];
    assert!(bodies.contains(&problem.error), "{problem:?}");
    assert!(problem.message.chars().count() < 200, "{problem:?}");
    assert!(!problem.message.chars().any(char::is_control), "{problem:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(body in vec(any::<u8>(), 0..600)) {
        if let Err(problem) = batch::parse(&body, "laptop", IdRule::AnyCase) {
            assert_fit_for_an_answer(&problem);
        }
    }

    #[test]
    fn any_text_of_json_characters_is_answered(body in r#"[\[\]{}":,\\ue0-9a-f \n]{0,80}"#) {
        if let Err(problem) = batch::parse(body.as_bytes(), "laptop", IdRule::LowerCase) {
            assert_fit_for_an_answer(&problem);
        }
    }

    #[test]
    fn a_good_batch_with_changed_bytes_is_answered(
        events in vec(made(), 1..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = body_of(&events.iter().map(|event| event.json("laptop")).collect::<Vec<_>>());
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        for body in [&body[..], &body[..cut.index(body.len())]] {
            if let Err(problem) = batch::parse(body, "laptop", IdRule::AnyCase) {
                assert_fit_for_an_answer(&problem);
            }
        }
    }

    #[test]
    fn a_good_batch_is_read_as_it_was_made(events in vec(made(), 1..12), source in source()) {
        let body = body_of(&events.iter().map(|event| event.json(&source)).collect::<Vec<_>>());
        let parsed = batch::parse(&body, &source, IdRule::LowerCase).unwrap();
        prop_assert_eq!(parsed.len(), events.len());
        for (read, made) in parsed.iter().zip(&events) {
            prop_assert_eq!(read.id.to_string(), &made.id[..]);
            prop_assert_eq!(read.timestamp.as_micros(), made.micros);
            prop_assert_eq!(read.event_type, made.event_type);
            prop_assert_eq!(read.payload, serde_json::to_string(&made.payload).unwrap());
            prop_assert_eq!(read.facts.project.as_deref(), made.payload.get("project").and_then(Value::as_str));
        }
    }

    #[test]
    fn a_fault_in_one_event_refuses_the_whole_batch(
        events in vec(made(), 1..8),
        at in any::<prop::sample::Index>(),
        fault in fault(),
    ) {
        let mut events: Vec<_> = events.iter().map(|event| event.json("laptop")).collect();
        let at = at.index(events.len());
        let code = fault.put_into(&mut events[at]);
        let problem = batch::parse(&body_of(&events), "laptop", IdRule::LowerCase).unwrap_err();
        prop_assert_eq!(problem.error, code, "{}", problem.message);
        prop_assert!(problem.message.contains(&format!("at index {at}")), "{}", problem.message);
        assert_fit_for_an_answer(&problem);
    }

    #[test]
    fn of_two_faults_the_earlier_event_is_reported(
        events in vec(made(), 2..8),
        at in any::<(prop::sample::Index, prop::sample::Index)>(),
        faults in (fault(), fault()),
    ) {
        let mut events: Vec<_> = events.iter().map(|event| event.json("laptop")).collect();
        let second = 1 + at.1.index(events.len() - 1);
        let first = at.0.index(second);
        faults.1.put_into(&mut events[second]);
        let code = faults.0.put_into(&mut events[first]);
        let problem = batch::parse(&body_of(&events), "laptop", IdRule::LowerCase).unwrap_err();
        prop_assert_eq!(problem.error, code, "{}", problem.message);
        prop_assert!(problem.message.contains(&format!("at index {first}")), "{}", problem.message);
    }

    #[test]
    fn what_our_monitor_writes_is_read_back(event in made(), source in source()) {
        let payload = serde_json::to_string(&event.payload).unwrap();
        let id: EventId = event.id.parse().unwrap();
        let timestamp = Timestamp::from_micros(event.micros).unwrap();
        let name: SourceId = source.parse().unwrap();
        let mut body = String::new();
        write_event(&mut body, event.spelling, &id, &name, timestamp, event.event_type, &payload);
        let parsed = batch::parse(body.as_bytes(), &source, IdRule::LowerCase).unwrap();
        prop_assert_eq!(parsed[0].id, id);
        prop_assert_eq!(parsed[0].timestamp, timestamp);
        prop_assert_eq!(parsed[0].event_type, event.event_type);
        prop_assert_eq!(parsed[0].payload, payload);
    }
}
