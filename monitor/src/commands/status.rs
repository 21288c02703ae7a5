//! `status`: read beside a running monitor, or after it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use vibetea_protocol::{Clock, Timestamp};

use crate::cli::StatusArgs;
use crate::config::{Lookup, state_dir_from_lookup};
use crate::outbox::{DeliveryStatus, Outbox, StatusSnapshot};

pub(super) fn execute(args: &StatusArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let state_dir = state_dir_from_lookup(lookup)?;
    let status = Outbox::status(&state_dir)?;
    let text = if args.json {
        format!("{}\n", as_json(&status, &state_dir))
    } else {
        as_text(&status, &state_dir, Clock::System.now())
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn as_json(status: &StatusSnapshot, state_dir: &Path) -> Value {
    let delivery = |delivery: &DeliveryStatus| {
        let report = delivery.report.as_ref();
        json!({
            "waiting": delivery.waiting,
            "quarantined": delivery.quarantined,
            "state": report.map(|report| report.state.as_str()),
            "since": report.map(|report| report.at),
            "lastAcknowledged": report.and_then(|report| report.acknowledged),
            "error": report.and_then(|report| report.error.as_deref()),
        })
    };
    json!({
        "running": status.running,
        "stateDir": state_dir.to_string_lossy(),
        "files": status.files,
        "bytesRead": status.bytes_read,
        "live": delivery(&status.live),
        "batch": delivery(&status.batch),
        "counters": status.counters,
    })
}

fn as_text(status: &StatusSnapshot, state_dir: &Path, now: Timestamp) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // writing to a String cannot fail
        let _ = writeln!(text, "{name:<13} {value}");
    };
    line("Monitor", if status.running { "running" } else { "not running" });
    line("State folder", &state_dir.display().to_string());
    line("Transcripts", &format!("{} followed, {} bytes read", status.files, status.bytes_read));
    line("Live", &delivery_text(&status.live, now));
    line("Batches", &delivery_text(&status.batch, now));
    if !status.counters.is_empty() {
        let counters: Vec<String> =
            status.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
        line("Counted", &counters.join(", "));
    }
    text
}

fn delivery_text(delivery: &DeliveryStatus, now: Timestamp) -> String {
    let mut parts = vec![match &delivery.report {
        None => "nothing sent yet".to_owned(),
        Some(report) => match &report.error {
            Some(error) => format!("{} ({error})", report.state.as_str()),
            None => report.state.as_str().to_owned(),
        },
    }];
    parts.push(format!("{} waiting", delivery.waiting));
    if delivery.quarantined > 0 {
        parts.push(format!("{} set aside", delivery.quarantined));
    }
    if let Some(acknowledged) = delivery.report.as_ref().and_then(|report| report.acknowledged) {
        parts.push(format!("last acknowledged {}", ago(now.since(acknowledged))));
    }
    parts.join(", ")
}

fn ago(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::outbox::{DeliveryReport, DeliveryState};

    fn snapshot() -> StatusSnapshot {
        let at: Timestamp = "2026-02-03T14:30:00Z".parse().unwrap();
        StatusSnapshot {
            running: true,
            files: 3,
            bytes_read: 12_345,
            live: DeliveryStatus {
                waiting: 2,
                quarantined: 1,
                report: Some(DeliveryReport {
                    state: DeliveryState::Refused,
                    at,
                    acknowledged: Some(at),
                    error: Some("401 unknown_source".to_owned()),
                }),
            },
            batch: DeliveryStatus::default(),
            counters: BTreeMap::from([("quarantined_live".to_owned(), 1)]),
        }
    }

    #[test]
    fn text_says_what_a_person_asks_first() {
        let now = "2026-02-03T14:35:00Z".parse().unwrap();
        insta::assert_snapshot!(as_text(&snapshot(), Path::new("/state"), now), @r"
        Monitor       running
        State folder  /state
        Transcripts   3 followed, 12345 bytes read
        Live          refused (401 unknown_source), 2 waiting, 1 set aside, last acknowledged 5 min ago
        Batches       nothing sent yet, 0 waiting
        Counted       quarantined_live 1
        ");
    }

    #[test]
    fn json_holds_the_same() {
        let json = as_json(&snapshot(), Path::new("/state"));
        assert_eq!(json["live"]["error"], "401 unknown_source");
        assert_eq!(json["live"]["lastAcknowledged"], "2026-02-03T14:30:00.000Z");
        assert_eq!(json["batch"]["state"], Value::Null);
        assert_eq!(json["counters"]["quarantined_live"], 1);
    }
}
