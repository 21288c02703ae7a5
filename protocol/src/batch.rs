//! Foreign bytes to checked events: the body of `/ingest` and of `/events`.
//!
//! The whole body is parsed before the first event is looked at, then the events are checked in order; the
//! first failure refuses the whole batch. What an event holds is borrowed from the body.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::event::{EventId, SourceId};
use crate::event_type::EventType;
use crate::facts::{Facts, Text};
use crate::limits::MAX_BATCH_EVENTS;
use crate::problem::{ErrorCode, Problem};
use crate::timestamp::Timestamp;

/// A checked event of somebody's; its source is the batch's.
#[derive(Debug)]
pub struct IncomingEvent<'a> {
    /// Unique in the store.
    pub id: EventId,
    /// When it happened, by the sender.
    pub timestamp: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// JSON text of an object, as it was sent.
    pub payload: &'a str,
    /// What the payload tells.
    pub facts: Facts<'a>,
}

/// Which characters an id may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdRule {
    /// `[a-z0-9]`, the batch route.
    LowerCase,
    /// `[A-Za-z0-9]`, the live route.
    AnyCase,
}

/// Parses and checks a body that `source` signed.
pub fn parse<'a>(body: &'a [u8], source: &str, ids: IdRule) -> Result<Vec<IncomingEvent<'a>>, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| not_json("the body is not UTF-8"))?;
    let batch: RawBatch<'a> = serde_json::from_str(text).map_err(|error| {
        not_json(match error.classify() {
            serde_json::error::Category::Eof => "the body is JSON that ends too early",
            _ => "the body is not a JSON array of events or one event object",
        })
    })?;
    if batch.received == 0 {
        return Err(Problem::new(ErrorCode::EmptyBatch, "The batch holds no event"));
    }
    if batch.received > MAX_BATCH_EVENTS {
        return Err(Problem::new(
            ErrorCode::BatchTooLarge,
            format!("The batch holds {} events; at most {MAX_BATCH_EVENTS} are allowed", batch.received),
        ));
    }
    let check = |(index, raw)| {
        let (event_source, event) = check(raw, ids).map_err(|fault| fault.at(index))?;
        if event_source != source {
            return Err(Problem::new(
                ErrorCode::SourceMismatch,
                format!("Event at index {index} has a source other than the one in X-Source-ID"),
            ));
        }
        Ok(event)
    };
    batch.events.iter().enumerate().map(check).collect()
}

/// Parses and checks one event object that stands alone, whoever sent it. The error says what is wrong with it, as
/// words that follow the name of the place where it stands.
pub fn parse_event(text: &[u8], ids: IdRule) -> Result<(SourceId, IncomingEvent<'_>), String> {
    let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())?;
    let raw: RawElement<'_> = serde_json::from_str(text).map_err(|error| {
        match error.classify() {
            serde_json::error::Category::Eof => "is JSON that ends too early",
            _ => "is not JSON",
        }
        .to_owned()
    })?;
    let (source, event) = check(&raw, ids).map_err(Fault::what)?;
    let source = source.parse().map_err(|_| Fault::source().what())?;
    Ok((source, event))
}

fn not_json(what: &'static str) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, format!("The request cannot be read: {what}"))
}

/// What is wrong with an event.
enum Fault {
    /// Words that follow the event's name.
    Invalid(String),
    /// The type is none of ours.
    UnknownType(String),
}

impl Fault {
    fn new(what: impl fmt::Display) -> Self {
        Self::Invalid(what.to_string())
    }

    fn source() -> Self {
        Self::new("has an invalid field 'source': 1 to 128 characters without control characters are allowed")
    }

    fn at(self, index: usize) -> Problem {
        match self {
            Self::Invalid(what) => {
                Problem::new(ErrorCode::InvalidEvent, format!("Event at index {index} {what}"))
            }
            Self::UnknownType(shown) => Problem::new(
                ErrorCode::InvalidEventType,
                format!("Invalid event type '{shown}' at index {index}"),
            ),
        }
    }

    fn what(self) -> String {
        match self {
            Self::Invalid(what) => what,
            Self::UnknownType(shown) => {
                let known = EventType::ALL.map(EventType::as_str).join(", ");
                format!("has the unknown type '{shown}': {known} are allowed")
            }
        }
    }
}

/// The event and its source.
fn check<'a>(raw: &RawElement<'a>, ids: IdRule) -> Result<(Cow<'a, str>, IncomingEvent<'a>), Fault> {
    let RawElement::Object(raw) = raw else { return Err(Fault::new("is not an object")) };
    let id = string(raw.id, "id")?;
    let id = EventId::parse(&id, ids == IdRule::AnyCase).map_err(|_| {
        Fault::new("has an invalid field 'id': 'evt_' and 20 characters of a-z and 0-9 are allowed")
    })?;
    let source = string(raw.source, "source")?;
    if !SourceId::is_valid(&source) {
        return Err(Fault::source());
    }
    let timestamp = string(raw.timestamp, "timestamp")?.parse::<Timestamp>().map_err(|_| {
        Fault::new(
            "has an invalid field 'timestamp': RFC 3339 with offset between the years 1970 and 9999 is allowed",
        )
    })?;
    let type_field = raw.event_type.filter(|raw| raw.get() != "null").or(raw.type_);
    let type_name = string(type_field, "eventType")?;
    let event_type = EventType::from_name(&type_name).ok_or_else(|| {
        Fault::UnknownType(type_name.chars().filter(|c| !c.is_control()).take(64).collect())
    })?;
    let payload = present(raw.payload, "payload")?.get();
    let facts = Facts::checked(payload)
        .map_err(|what| Fault::new(format_args!("has an invalid field 'payload': {what}")))?;
    Ok((source, IncomingEvent { id, timestamp, event_type, payload, facts }))
}

fn present<'a>(field: Option<&'a RawValue>, name: &str) -> Result<&'a RawValue, Fault> {
    field
        .filter(|raw| raw.get() != "null")
        .ok_or_else(|| Fault::new(format_args!("missing required field '{name}'")))
}

fn string<'a>(field: Option<&'a RawValue>, name: &str) -> Result<Cow<'a, str>, Fault> {
    let raw = present(field, name)?.get();
    let text = match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
        None => None,
    };
    match text {
        Some(text) if text.is_empty() => Err(Fault::new(format_args!("missing required field '{name}'"))),
        Some(text) if !text.contains('\0') => Ok(text),
        _ => Err(Fault::new(format_args!("has an invalid field '{name}': a string without NUL is allowed"))),
    }
}

/// The body's events with nothing but the known fields, not yet read. Only as many are held as a batch may
/// have, so a body of two million empty objects costs no more than one of a thousand.
struct RawBatch<'a> {
    received: usize,
    events: Vec<RawElement<'a>>,
}

enum RawElement<'a> {
    Object(RawEvent<'a>),
    Other,
}

/// A repeated field counts as its last value, as every JSON reader of the hosted side has it.
#[derive(Default)]
struct RawEvent<'a> {
    id: Option<&'a RawValue>,
    source: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    event_type: Option<&'a RawValue>,
    type_: Option<&'a RawValue>,
    payload: Option<&'a RawValue>,
}

impl<'a> RawEvent<'a> {
    fn read<A: MapAccess<'a>>(mut map: A) -> Result<Self, A::Error> {
        let mut raw = RawEvent::default();
        while let Some(key) = map.next_key::<Text<'a>>()? {
            let slot = match key.0.as_ref() {
                "id" => &mut raw.id,
                "source" => &mut raw.source,
                "timestamp" => &mut raw.timestamp,
                "eventType" => &mut raw.event_type,
                "type" => &mut raw.type_,
                "payload" => &mut raw.payload,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = Some(map.next_value()?);
        }
        Ok(raw)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawBatch<'a> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BatchVisitor;
        impl<'de> Visitor<'de> for BatchVisitor {
            type Value = RawBatch<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array or an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawBatch<'de>, A::Error> {
                Ok(RawBatch { received: 1, events: vec![RawElement::Object(RawEvent::read(map)?)] })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawBatch<'de>, A::Error> {
                let mut batch = RawBatch { received: 0, events: Vec::new() };
                while batch.received < MAX_BATCH_EVENTS {
                    let Some(element) = seq.next_element()? else { return Ok(batch) };
                    batch.events.push(element);
                    batch.received += 1;
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    batch.received += 1;
                }
                Ok(batch)
            }
        }
        deserializer.deserialize_any(BatchVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawElement<'a> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Ok(Self::Other);
        }
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        de::Deserializer::deserialize_map(&mut reader, EventVisitor)
            .map(Self::Object)
            .map_err(de::Error::custom)
    }
}

struct EventVisitor;
impl<'de> Visitor<'de> for EventVisitor {
    type Value = RawEvent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawEvent<'de>, A::Error> {
        RawEvent::read(map)
    }
}
