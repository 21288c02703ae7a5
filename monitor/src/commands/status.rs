//! `status`: read beside a running monitor, or after it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::anyhow;
use serde_json::{Value, json};
use vibetea_protocol::{Clock, Timestamp};

use super::output::{print, print_json};
use super::text::{ago, bytes, plural};
use crate::cli::JsonArgs;
use crate::config::{Lookup, Settings};
use crate::outbox::{DEFAULT_CAP, DeliveryStatus, MOST_SET_ASIDE, Outbox, OutboxError, StatusSnapshot};
use crate::pipeline::{Following, Health, Pause, Progress};
use crate::running::Running;

pub(super) fn execute(args: &JsonArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let settings = Settings::read(lookup);
    let state_dir = settings.state_dir()?;
    let watched = settings.claude_dir().map(|folder| folder.join("projects"));
    let folders = Folders { state: &state_dir, watched: watched.as_deref() };
    let status = Outbox::status(&state_dir).map_err(|error| match error {
        OutboxError::Missing { .. } => {
            anyhow!("{error}: start one with `vibetea-monitor run`, or name its folder with --state-dir")
        }
        error => error.into(),
    })?;
    // of a monitor that has ended, only what is in the store is still true
    let running = status.running.then(|| Running::read(&state_dir)).flatten();
    if args.json {
        print_json(&as_json(&status, running.as_ref(), folders))
    } else {
        print(&as_text(&status, running.as_ref(), folders, Clock::System.now()))
    }
}

/// Where things are by the settings.
#[derive(Clone, Copy)]
struct Folders<'a> {
    state: &'a Path,
    /// Where transcripts are looked for, if the setting can be used.
    watched: Option<&'a Path>,
}

fn as_json(status: &StatusSnapshot, running: Option<&Running>, folders: Folders<'_>) -> Value {
    let delivery = |delivery: &DeliveryStatus| {
        let report = delivery.report.as_ref();
        json!({
            "waiting": delivery.waiting,
            "quarantined": delivery.quarantined,
            "givenUp": delivery.given_up,
            "state": report.map(|report| report.state.as_str()),
            "since": report.map(|report| report.at),
            "lastAcknowledged": report.and_then(|report| report.acknowledged),
            "error": report.and_then(|report| report.error.as_deref()),
            "lastError": delivery.last_error.as_ref().map(|last| last.error.as_str()),
            "lastErrorAt": delivery.last_error.as_ref().map(|last| last.at),
        })
    };
    json!({
        "running": status.running,
        "monitor": running,
        "stateDir": folders.state.to_string_lossy(),
        "watched": folders.watched.map(Path::to_string_lossy),
        "files": status.files,
        "bytesRead": status.bytes_read,
        "queueBytes": status.queue_bytes,
        "live": delivery(&status.live),
        "batch": delivery(&status.batch),
        "counters": status.counters,
    })
}

fn as_text(
    status: &StatusSnapshot,
    running: Option<&Running>,
    folders: Folders<'_>,
    now: Timestamp,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // writing to a String cannot fail
        let _ = writeln!(text, "{name:<13} {value}");
    };
    line("Monitor", &monitor_text(status.running, running, now));
    line("State folder", &folders.state.display().to_string());
    let followed = plural(status.files, "transcript", "transcripts");
    let place = folders.watched.map(|folder| format!(", in {}", folder.display())).unwrap_or_default();
    line("Followed", &format!("{followed}, {} read{place}", bytes(status.bytes_read)));
    if let Some(running) = running {
        line("Changes", following_text(running.health.following));
        if let Some(pause) = running.health.pause {
            line("Paused", &format!("{}, since {}", pause_text(pause), ago(now.since(running.since))));
        }
        let Health { waiting_lines, lost_lines, .. } = running.health;
        if waiting_lines > 0 {
            line("Unread", &format!("{} wait in the transcripts", plural(waiting_lines, "line", "lines")));
        }
        if lost_lines > 0 {
            let lines = plural(lost_lines, "line", "lines");
            line("Lost", &format!("{lines}: the transcripts were deleted while reading paused"));
        }
        if !running.history.done {
            line("History", &history_text(&running.history));
        }
    }
    line("Queue", &format!("{} of at most {}", bytes(status.queue_bytes), bytes(DEFAULT_CAP)));
    line("Live", &delivery_text(&status.live, running.map(|running| &running.live), now));
    line("Batches", &delivery_text(&status.batch, running.map(|running| &running.batches), now));
    let set_aside = status.live.quarantined + status.batch.quarantined;
    if set_aside > 0 {
        let events = plural(set_aside, "event", "events");
        line("Quarantine", &format!("{events} set aside: `vibetea-monitor quarantine list` says why"));
    }
    let given_up = status.live.given_up + status.batch.given_up;
    if given_up > 0 {
        let events = plural(given_up, "event", "events");
        line(
            "Given up",
            &format!("{events}, refused and lost: only the newest {MOST_SET_ASIDE} are set aside"),
        );
    }
    if !status.counters.is_empty() {
        let counters: Vec<String> =
            status.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
        line("Counted", &counters.join(", "));
    }
    text
}

fn monitor_text(is_running: bool, running: Option<&Running>, now: Timestamp) -> String {
    match (is_running, running) {
        (false, _) => "not running".to_owned(),
        (true, None) => "running".to_owned(),
        (true, Some(Running { source, version, started, .. })) => {
            format!("running as '{source}', version {version}, started {}", ago(now.since(*started)))
        }
    }
}

fn following_text(following: Following) -> &'static str {
    match following {
        Following::Waiting => "the transcripts folder is not there yet; waiting for it",
        Following::Events => "noticed by file events",
        Following::Polling => {
            "noticed by looking at every file again and again; `vibetea-monitor doctor` says why"
        }
    }
}

fn pause_text(pause: Pause) -> &'static str {
    match pause {
        Pause::OutboxFull => "the outbox is full; reading goes on as soon as events are delivered",
        Pause::DiskFull => "the disk is full",
        Pause::StoreUnavailable => "the store cannot be used",
    }
}

fn history_text(history: &Progress) -> String {
    let Progress { files, total_files, bytes: read, total_bytes, events, .. } = *history;
    let percent = (read.min(total_bytes) * 100).checked_div(total_bytes).unwrap_or(100);
    format!("{percent} % of {}, {files} of {total_files} files, {events} events", bytes(total_bytes))
}

fn delivery_text(delivery: &DeliveryStatus, to: Option<&String>, now: Timestamp) -> String {
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
    let error_now = delivery.report.as_ref().is_some_and(|report| report.error.is_some());
    if let Some(last) = delivery.last_error.as_ref().filter(|_| !error_now) {
        parts.push(format!("last error {} {}", last.error, ago(now.since(last.at))));
    }
    if let Some(to) = to {
        parts.push(format!("to {to}"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::outbox::{DeliveryReport, DeliveryState, LastError};
    use crate::pipeline::Health;

    fn snapshot() -> StatusSnapshot {
        let at: Timestamp = "2026-02-03T14:30:00Z".parse().unwrap();
        StatusSnapshot {
            running: true,
            files: 3,
            bytes_read: 12_345,
            queue_bytes: 2345,
            live: DeliveryStatus {
                waiting: 2,
                quarantined: 1,
                given_up: 2,
                report: Some(DeliveryReport {
                    state: DeliveryState::Refused,
                    at,
                    acknowledged: Some(at),
                    error: Some("401 unknown_source".to_owned()),
                }),
                last_error: Some(LastError { error: "401 unknown_source".to_owned(), at }),
            },
            batch: DeliveryStatus {
                last_error: Some(LastError { error: "503".to_owned(), at }),
                ..DeliveryStatus::default()
            },
            counters: BTreeMap::from([("quarantined_live".to_owned(), 1)]),
        }
    }

    fn running() -> Running {
        let at: Timestamp = "2026-02-03T14:30:00Z".parse().unwrap();
        Running {
            version: "1.2.3".to_owned(),
            started: at,
            source: "laptop".to_owned(),
            live: "https://tea.example/events".to_owned(),
            batches: "https://tea.example/ingest".to_owned(),
            health: Health {
                following: Following::Polling,
                pause: Some(Pause::OutboxFull),
                waiting_lines: 1200,
                lost_lines: 40,
            },
            since: at,
            history: Progress {
                total_files: 10,
                files: 4,
                total_bytes: 2_000_000,
                bytes: 500_000,
                events: 77,
                done: false,
            },
        }
    }

    fn folders() -> Folders<'static> {
        Folders { state: Path::new("/state"), watched: Some(Path::new("/home/me/.claude/projects")) }
    }

    fn text(status: &StatusSnapshot, running: Option<&Running>) -> String {
        as_text(status, running, folders(), "2026-02-03T14:35:00Z".parse().unwrap())
    }

    #[test]
    fn text_says_what_a_person_asks_first() {
        insta::assert_snapshot!(text(&snapshot(), Some(&running())), @"
        Monitor       running as 'laptop', version 1.2.3, started 5 min ago
        State folder  /state
        Followed      3 transcripts, 12 kB read, in /home/me/.claude/projects
        Changes       noticed by looking at every file again and again; `vibetea-monitor doctor` says why
        Paused        the outbox is full; reading goes on as soon as events are delivered, since 5 min ago
        Unread        1200 lines wait in the transcripts
        Lost          40 lines: the transcripts were deleted while reading paused
        History       25 % of 2.0 MB, 4 of 10 files, 77 events
        Queue         2.3 kB of at most 268 MB
        Live          refused (401 unknown_source), 2 waiting, 1 set aside, last acknowledged 5 min ago, to https://tea.example/events
        Batches       nothing sent yet, 0 waiting, last error 503 5 min ago, to https://tea.example/ingest
        Quarantine    1 event set aside: `vibetea-monitor quarantine list` says why
        Given up      2 events, refused and lost: only the newest 10000 are set aside
        Counted       quarantined_live 1
        ");
    }

    #[test]
    fn a_healthy_or_stopped_monitor_is_said_in_few_lines() {
        let mut running = running();
        running.health = Health { following: Following::Events, ..Health::default() };
        running.history.done = true;
        let quiet = StatusSnapshot { running: true, files: 1, ..StatusSnapshot::default() };
        insta::assert_snapshot!(text(&quiet, Some(&running)), @"
        Monitor       running as 'laptop', version 1.2.3, started 5 min ago
        State folder  /state
        Followed      1 transcript, no bytes read, in /home/me/.claude/projects
        Changes       noticed by file events
        Queue         no bytes of at most 268 MB
        Live          nothing sent yet, 0 waiting, to https://tea.example/events
        Batches       nothing sent yet, 0 waiting, to https://tea.example/ingest
        ");
        let stopped = StatusSnapshot { running: false, ..quiet };
        insta::assert_snapshot!(text(&stopped, None), @"
        Monitor       not running
        State folder  /state
        Followed      1 transcript, no bytes read, in /home/me/.claude/projects
        Queue         no bytes of at most 268 MB
        Live          nothing sent yet, 0 waiting
        Batches       nothing sent yet, 0 waiting
        ");
    }

    #[test]
    fn json_holds_the_same() {
        let json = as_json(&snapshot(), Some(&running()), folders());
        assert_eq!(json["live"]["error"], "401 unknown_source");
        assert_eq!(json["live"]["givenUp"], 2);
        assert_eq!(json["live"]["lastAcknowledged"], "2026-02-03T14:30:00.000Z");
        assert_eq!(json["batch"]["state"], Value::Null);
        assert_eq!((&json["batch"]["error"], &json["batch"]["lastError"]), (&Value::Null, &json!("503")));
        assert_eq!(json["batch"]["lastErrorAt"], "2026-02-03T14:30:00.000Z");
        assert_eq!(json["watched"], "/home/me/.claude/projects");
        assert_eq!(json["counters"]["quarantined_live"], 1);
        assert_eq!(json["queueBytes"], 2345);
        assert_eq!(
            json["monitor"]["health"],
            json!({"following": "polling", "pause": "outboxFull", "waitingLines": 1200, "lostLines": 40})
        );
        assert_eq!(json["monitor"]["history"]["totalFiles"], 10);
    }
}
