//! The body of the two signed routes.

use serde_json::Value;
use vibetea_protocol::batch::{IdRule, IncomingEvent, parse};
use vibetea_protocol::limits::MAX_BATCH_EVENTS;

const SOURCE: &str = "laptop";
const LARGEST_PAYLOAD: usize = 16 * 1024;
const LONGEST_MESSAGE: usize = 1000;

/// Whatever the body holds, it is refused in one sentence, or its events obey the contract.
pub fn ingest_body(data: &[u8]) {
    for rule in [IdRule::LowerCase, IdRule::AnyCase] {
        match parse(data, SOURCE, rule) {
            Ok(events) => {
                assert!((1..=MAX_BATCH_EVENTS).contains(&events.len()), "{} events", events.len());
                for event in &events {
                    obeys(event, rule);
                }
            }
            Err(problem) => {
                assert!(matches!(problem.error.status(), 400 | 422), "{problem:?}");
                let length = problem.message.chars().count();
                assert!((1..=LONGEST_MESSAGE).contains(&length), "{length} characters");
                assert!(!problem.message.contains(['\n', '\r', '\0', '\x1b']), "{problem:?}");
            }
        }
    }
}

fn obeys(event: &IncomingEvent<'_>, rule: IdRule) {
    let id = event.id.to_string();
    let rest = id.strip_prefix("evt_").expect("an id begins with evt_");
    let good = |byte: u8| {
        byte.is_ascii_digit()
            || byte.is_ascii_lowercase()
            || (rule == IdRule::AnyCase && byte.is_ascii_uppercase())
    };
    assert!(rest.len() == 20 && rest.bytes().all(good), "{id}");
    assert!(event.payload.len() <= LARGEST_PAYLOAD, "{} bytes", event.payload.len());
    let payload: Value = serde_json::from_str(event.payload).expect("a payload is JSON");
    assert!(payload.is_object() && !holds_nul(&payload), "{payload}");
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
