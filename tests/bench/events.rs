//! Events of a usual size (about 250 bytes each on the wire) in requests that are signed ahead of time.

use std::fmt::Write as _;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use vibetea_protocol::event::write_event;
use vibetea_protocol::event_type::TypeField;
use vibetea_protocol::signing::sign_body;
use vibetea_protocol::timestamp::MICROS_PER_HOUR;
use vibetea_protocol::{Clock, EventId, EventType, SourceId, Timestamp};
use vibetea_tests::dice::Dice;

/// How ids are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// As our monitor's: the hour in front, chance behind.
    HourFirst,
    /// As other monitors': chance alone.
    Random,
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) id: EventId,
    pub(crate) timestamp: Timestamp,
    pub(crate) payload: String,
}

/// Makes events one after the other.
#[derive(Debug)]
pub(crate) struct Maker {
    dice: Dice,
    ids: Ids,
    /// Time of the next event; it moves on by `step`.
    at: i64,
    step: i64,
    number: u64,
}

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl Maker {
    /// Events that happen now, a millisecond apart.
    pub(crate) fn live(ids: Ids, seed: u64) -> Self {
        Self { dice: Dice::from_seed(seed), ids, at: Clock::System.now().as_micros(), step: 1000, number: 0 }
    }

    /// So many events spread evenly over the past days.
    pub(crate) fn past(ids: Ids, seed: u64, days: i64, count: u64) -> Self {
        let span = days * 24 * MICROS_PER_HOUR;
        let step = span / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        let at = Clock::System.now().as_micros() - span;
        Self { dice: Dice::from_seed(seed), ids, at, step, number: 0 }
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Made {
        let timestamp = Timestamp::from_micros(self.at).expect("a time of this century");
        self.at += self.step;
        self.number += 1;
        let mut key = [0; 20];
        key.fill_with(|| DIGITS[usize::try_from(self.dice.below(36)).unwrap_or(0)]);
        if self.ids == Ids::HourFirst {
            let mut hours = timestamp.hours();
            for digit in key[..4].iter_mut().rev() {
                *digit = DIGITS[usize::try_from(hours % 36).unwrap_or(0)];
                hours /= 36;
            }
        }
        let id = std::str::from_utf8(&key).ok().and_then(EventId::from_key).expect("an id");
        let mut payload = String::with_capacity(160);
        let _ = write!(
            payload,
            r#"{{"sessionId":"{:08x}-7ea0-4000-8000-000000000000","tool":"Read","status":"started","context":"module{}.rs","project":"shop"}}"#,
            self.number / 200,
            self.number % 97,
        );
        Made { id, timestamp, payload }
    }

    /// So many events.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Made> {
        (0..count).map(|_| self.event()).collect()
    }
}

/// A body of these events.
pub(crate) fn body(events: &[Made], source: &SourceId) -> String {
    let mut text = String::with_capacity(events.len() * 280 + 2);
    text.push('[');
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let kind = EventType::Tool;
        write_event(
            &mut text,
            TypeField::EventType,
            &event.id,
            source,
            event.timestamp,
            kind,
            &event.payload,
        );
    }
    text.push(']');
    text
}

/// A whole signed request, ready to be written.
pub(crate) fn request(path: &str, events: &[Made], source: &SourceId, key: &SigningKey) -> Bytes {
    let body = body(events, source);
    let signature = sign_body(key, body.as_bytes());
    Bytes::from(format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Source-ID: {source}\r\n\
         X-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    ))
}
