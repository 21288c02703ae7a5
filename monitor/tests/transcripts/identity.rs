//! Ids: derived, keyed, and told apart.

use std::collections::HashSet;

use ed25519_dalek::SigningKey;
use serde_json::Value;
use vibetea_monitor::identity::{EventKind, Identity};
use vibetea_monitor::interpret::Interpreter;
use vibetea_monitor::privacy::Policy;
use vibetea_protocol::{EventId, Timestamp};

use crate::harness::{MapMemory, Reader, SILENCE, main_file};
use crate::lines::prompt;
use crate::traces::traces;

fn identity(key: u8, source: &str) -> Identity {
    Identity::new(&[key; 32], &source.parse().unwrap())
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_id_is_the_hour_and_a_keyed_hash() {
    let at = |text: &str| identity(7, "desk").event(EventKind::Activity, moment(text), &[b"u1"]);
    let (one, later) = (at("2026-02-03T10:00:00Z"), at("2026-02-03T11:59:59Z"));
    assert!(EventId::parse(&one.id.to_string(), false).is_ok());
    let hours: String = one.id.key()[..4].to_owned();
    assert_eq!(i64::from_str_radix(&hours, 36).unwrap(), moment("2026-02-03T10:00:00Z").hours());
    assert!(one.id < later.id, "later hours sort behind");
    assert_eq!(one.id.key()[4..], later.id.key()[4..]);
    assert_eq!(one.natural, later.natural, "a copy with another time is the same event");
}

#[test]
fn key_source_kind_and_natural_key_all_count() {
    let at = moment("2026-02-03T10:00:00Z");
    let ids: Vec<EventId> = vec![
        identity(7, "desk").event(EventKind::ToolStarted, at, &[b"ab", b"c"]).id,
        identity(8, "desk").event(EventKind::ToolStarted, at, &[b"ab", b"c"]).id,
        identity(7, "lap").event(EventKind::ToolStarted, at, &[b"ab", b"c"]).id,
        identity(7, "desk").event(EventKind::ToolCompleted, at, &[b"ab", b"c"]).id,
        identity(7, "desk").event(EventKind::AgentStarted, at, &[b"ab", b"c"]).id,
        identity(7, "desk").event(EventKind::AgentCompleted, at, &[b"ab", b"c"]).id,
        identity(7, "desk").event(EventKind::AgentFailed, at, &[b"ab", b"c"]).id,
        identity(7, "desk").event(EventKind::ToolStarted, at, &[b"a", b"bc"]).id,
        identity(7, "desk").event(EventKind::ToolStarted, at, &[b"abc"]).id,
        identity(7, "desk").event(EventKind::ToolStarted, at, &[b"ab", b"c", b""]).id,
    ];
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
}

#[test]
fn the_ends_of_time_have_ids() {
    for text in ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
        let id = identity(7, "desk").event(EventKind::Error, moment(text), &[b"x"]).id;
        assert!(EventId::parse(&id.to_string(), false).is_ok());
    }
}

#[test]
fn places_of_records_are_told_apart() {
    let identity = identity(7, "desk");
    let keys = [
        identity.placed_record("a", 0, b"x"),
        identity.placed_record("b", 0, b"x"),
        identity.placed_record("a", 1, b"x"),
        identity.placed_record("a", 0, b"y"),
        identity.record("a"),
    ];
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    let call = identity.call("toolu_1");
    assert_ne!(call, identity.call_end(call));
    assert_ne!(identity.agent("one", "a1"), identity.agent("two", "a1"));
}

#[test]
fn nothing_of_the_key_is_shown() {
    assert_eq!(format!("{:?}", identity(7, "desk")), "Identity { .. }");
}

/// Ids of a session with one prompt that has no uuid: its text is part of what names it.
fn ids_with(key: [u8; 32], text: &str) -> Vec<EventId> {
    let interpreter =
        Interpreter::new(Policy::default(), Identity::new(&key, &"desk".parse().unwrap()), SILENCE);
    let mut line: Value = prompt("u1", 0, text);
    line.as_object_mut().unwrap().remove("uuid");
    let path = main_file();
    let mut reader = Reader::new(&interpreter, &path);
    let events = reader.line(line.to_string().as_bytes(), &mut MapMemory::default());
    events.iter().map(vibetea_monitor::privacy::RedactedEvent::id).collect()
}

#[test]
fn two_installations_give_the_same_content_different_ids() {
    let (one, other) = (ids_with([7; 32], "hi"), ids_with([8; 32], "hi"));
    assert_eq!((one.len(), other.len()), (2, 2));
    assert!(one.iter().zip(&other).all(|(one, other)| one.key()[4..] != other.key()[4..]));
    assert_eq!(one, ids_with([7; 32], "hi"));
}

/// Whether somebody who sees the ids, and tries every likely prompt with the key he has, learns which one it was.
fn recovers(ids: &[EventId], key: [u8; 32], likely: &[String]) -> bool {
    likely.iter().any(|guess| ids_with(key, guess) == ids)
}

#[test]
fn a_list_of_likely_prompts_recovers_none() {
    let likely: Vec<String> = (0..10_000).map(|number| format!("please fix bug {number}")).collect();
    let key = [7; 32];
    let ids = ids_with(key, &likely[9_000]);
    // all that others know of the machine
    let public = SigningKey::from_bytes(&key).verifying_key().to_bytes();
    assert!(!recovers(&ids, public, &likely));
    let seen = ids.iter().map(ToString::to_string).collect::<String>();
    assert_eq!(traces(&likely[8_990..9_010], seen.as_bytes()), []);
    assert!(recovers(&ids, key, &likely[8_990..9_010]), "planted bug: a key that is known");
}
