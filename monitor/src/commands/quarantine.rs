//! `quarantine`: the events that a server refused for what they are.

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::json;
use vibetea_protocol::EventId;

use super::init::{confirmed, is_conversation};
use super::output::{print, say};
use super::text::plural;
use crate::cli::QuarantineTask;
use crate::config::{Lookup, state_dir_from_lookup};
use crate::outbox::{Quarantine, Selection, SetAside};

pub(super) fn execute(task: &QuarantineTask, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let mut quarantine = Quarantine::open(&state_dir_from_lookup(lookup)?)?;
    match task {
        QuarantineTask::List { json } => list(&quarantine, *json),
        QuarantineTask::Retry { ids } => retry(&mut quarantine, ids),
        QuarantineTask::Drop { ids, all, yes } => {
            let which = if *all { Selection::All } else { Selection::Ids(ids) };
            drop_events(&mut quarantine, which, *yes)
        }
    }
}

fn list(quarantine: &Quarantine, json: bool) -> anyhow::Result<()> {
    let events = quarantine.list()?;
    if events.is_empty() {
        say("No event is set aside.");
    }
    print(&if json { as_json(&events) } else { as_text(&events) })
}

fn as_json(events: &[SetAside]) -> String {
    let mut text = String::new();
    for event in events {
        let object = json!({
            "id": event.id,
            "destination": event.destination.as_str(),
            "type": event.event_type,
            "timestamp": event.timestamp,
            "reason": event.reason,
            // it was JSON when it was set aside
            "payload": serde_json::from_str::<serde_json::Value>(&event.payload).unwrap_or_default(),
        });
        // writing to a String cannot fail
        let _ = writeln!(text, "{object}");
    }
    text
}

fn as_text(events: &[SetAside]) -> String {
    let mut text = String::new();
    if !events.is_empty() {
        text += "ID                        FOR    TYPE      TIME                      REASON\n";
    }
    for event in events {
        let (id, destination) = (event.id.to_string(), event.destination.as_str());
        let (kind, time) = (event.event_type.as_str(), event.timestamp.to_string());
        // writing to a String cannot fail
        let _ = writeln!(text, "{id:<24}  {destination:<5}  {kind:<8}  {time:<24}  {}", event.reason);
    }
    text
}

fn retry(quarantine: &mut Quarantine, ids: &[EventId]) -> anyhow::Result<()> {
    let which = if ids.is_empty() { Selection::All } else { Selection::Ids(ids) };
    let count = quarantine.retry(which)?;
    let next =
        if quarantine.is_running() { "the running monitor sends them" } else { "the next run sends them" };
    say(format_args!("Back in the queue: {}; {next}.", plural(count, "event", "events")));
    Ok(())
}

fn drop_events(quarantine: &mut Quarantine, which: Selection<'_>, yes: bool) -> anyhow::Result<()> {
    if !yes {
        if !is_conversation() {
            bail!("an event that is dropped is lost: say --yes where nobody can be asked");
        }
        let what = match which {
            Selection::All => quarantine.list()?.len(),
            Selection::Ids(ids) => ids.len(),
        };
        let what = plural(what as u64, "event", "events");
        if !confirmed(&format!("Drop {what}? They are lost then. [y/N] "))? {
            bail!("nothing was dropped");
        }
    }
    let count = quarantine.discard(which)?;
    say(format_args!("Dropped: {}.", plural(count, "event", "events")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use vibetea_protocol::EventType;

    use super::*;
    use crate::outbox::Destination;

    fn events() -> Vec<SetAside> {
        vec![SetAside {
            id: "evt_00000000000000000007".parse().unwrap(),
            destination: Destination::Batch,
            timestamp: "2026-02-03T14:30:00Z".parse().unwrap(),
            event_type: EventType::Activity,
            payload: r#"{"sessionId":"s"}"#.to_owned(),
            reason: "400 invalid_event".to_owned(),
        }]
    }

    #[test]
    fn a_list_names_each_event_with_its_reason() {
        insta::assert_snapshot!(as_text(&events()), @r"
        ID                        FOR    TYPE      TIME                      REASON
        evt_00000000000000000007  batch  activity  2026-02-03T14:30:00.000Z  400 invalid_event
        ");
        assert_eq!(as_text(&[]), "");
    }

    #[test]
    fn json_has_one_object_a_line() {
        insta::assert_snapshot!(as_json(&events()), @r#"{"destination":"batch","id":"evt_00000000000000000007","payload":{"sessionId":"s"},"reason":"400 invalid_event","timestamp":"2026-02-03T14:30:00.000Z","type":"activity"}"#);
    }
}
