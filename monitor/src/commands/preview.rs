//! `preview`: what would leave, shown before anything does. Sends nothing, and keeps nothing in the state folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use vibetea_protocol::event::write_event;
use vibetea_protocol::event_type::TypeField;
use vibetea_protocol::{Clock, EventType, SourceId, Timestamp};
use zeroize::Zeroizing;

use super::output::{Output, say};
use super::text::{bytes, plural};
use crate::cli::PreviewArgs;
use crate::config::{IdentityConfig, Lookup, Settings};
use crate::identity::Identity;
use crate::keys::{self, KeyError};
use crate::outbox::Destination;
use crate::pipeline::{History, Once, ReaderConfig, Tally, read_once};
use crate::transcript;

/// Events of one type.
#[derive(Debug, Clone, Copy)]
struct Row {
    events: u64,
    first: Timestamp,
    last: Timestamp,
}

type Rows = BTreeMap<EventType, Row>;

pub(super) fn execute(args: &PreviewArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let settings = Settings::read(lookup);
    let reading = settings.reading()?;
    let IdentityConfig { key_dir, source } = settings.identity()?;
    let what = match &args.file {
        Some(file) => one_file(file, &reading.claude_dir)?,
        None => everything(&reading.claude_dir)?,
    };
    if reading.history != History::All && matches!(what, Once::Everything) {
        say("The setting 'history' leaves out what is older: only what a first run would send is shown.");
    }
    let interpreter = reading.interpreter(identity(&key_dir, &source)?);
    let config = ReaderConfig {
        history: reading.history,
        silence: reading.session_silence,
        ..ReaderConfig::new(reading.claude_dir)
    };
    let mut output = Output::new();
    let mut rows = Rows::new();
    let mut line = String::new();
    let tally = read_once(&what, &config, interpreter, &Clock::System, |destination, event| {
        line.clear();
        let type_field = match destination {
            Destination::Live => TypeField::Type,
            Destination::Batch => TypeField::EventType,
        };
        write_event(
            &mut line,
            type_field,
            &event.id,
            &source,
            event.timestamp,
            event.event_type,
            &event.payload,
        );
        count(&mut rows, event.event_type, event.timestamp);
        output.line(&line)
    })?;
    output.finish()?;
    say(summary(&tally, &rows, &source).trim_end());
    Ok(())
}

/// By the key that signs, or by one that is thrown away: then the same events would leave under other ids.
fn identity(key_dir: &Path, source: &SourceId) -> anyhow::Result<Identity> {
    let why = match keys::load(key_dir) {
        Ok(key) => return Ok(keys::identity(key_dir, &key, source)?),
        Err(KeyError::Missing(_)) => "There is no key yet (`vibetea-monitor init` makes one)".to_owned(),
        Err(error) => error.to_string(),
    };
    say(format_args!(
        "{why}: the ids below are made with a throw-away key; everything else is as it would be."
    ));
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(KeyError::Random)?;
    Ok(Identity::new(&bytes, source))
}

fn everything(claude_dir: &Path) -> anyhow::Result<Once> {
    let projects = claude_dir.join("projects");
    std::fs::read_dir(&projects).with_context(|| {
        format!(
            "there are no transcripts to read at {}: start Claude Code once, or name its folder with --claude-dir",
            projects.display()
        )
    })?;
    Ok(Once::Everything)
}

/// The file under the folder of the projects; one that lies elsewhere is taken as if its own folder were a project.
fn one_file(file: &Path, claude_dir: &Path) -> anyhow::Result<Once> {
    let file = file.canonicalize().with_context(|| format!("cannot read {}", file.display()))?;
    let projects = claude_dir.join("projects").canonicalize().ok();
    let root = match projects.filter(|projects| file.starts_with(projects)) {
        Some(projects) => Some(projects),
        None => projects_of(&file),
    };
    let path = root.as_ref().and_then(|root| file.strip_prefix(root).ok()).and_then(Path::to_str);
    match (&root, path) {
        (Some(root), Some(path)) if file.is_file() && transcript::classify(path).is_some() => {
            std::fs::File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
            Ok(Once::File { root: root.clone(), path: path.to_owned() })
        }
        _ => bail!(
            "{} is no transcript that would be followed: name a file such as \
             projects/PROJECT/SESSION.jsonl or projects/PROJECT/SESSION/subagents/agent-ID.jsonl",
            file.display()
        ),
    }
}

/// The folder that stands where `projects` would.
fn projects_of(file: &Path) -> Option<PathBuf> {
    let subagents = file.ancestors().skip(1).find(|folder| folder.ends_with("subagents"));
    let levels = if subagents.is_some() { 2 } else { 1 };
    Some(subagents.unwrap_or(file).ancestors().nth(levels + 1)?.to_owned())
}

fn count(rows: &mut Rows, event_type: EventType, at: Timestamp) {
    let row = rows.entry(event_type).or_insert(Row { events: 0, first: at, last: at });
    row.events += 1;
    row.first = row.first.min(at);
    row.last = row.last.max(at);
}

fn summary(tally: &Tally, rows: &Rows, source: &SourceId) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        // writing to a String cannot fail
        let _ = writeln!(text, "{line}");
    };
    line(format!(
        "Read: {}, {}, {}",
        plural(tally.files, "transcript", "transcripts"),
        bytes(tally.bytes),
        plural(tally.lines, "line", "lines"),
    ));
    let events: u64 = rows.values().map(|row| row.events).sum();
    line(format!("Would leave in the name of '{source}': {}", plural(events, "event", "events")));
    if events > 0 {
        line(format!("  {:<9} {:>9}  {:<10}  last", "type", "events", "first"));
    }
    for (event_type, row) in rows {
        let (first, last) = (day(row.first), day(row.last));
        line(format!("  {:<9} {:>9}  {first:<10}  {last}", event_type.as_str(), row.events));
    }
    let dropped = [
        (tally.unknown_lines, format!("of {}", plural(tally.unknown_types, "unknown type", "unknown types"))),
        (tally.unreadable_lines, "that cannot be read".to_owned()),
        (tally.too_long_lines, "that are too long".to_owned()),
    ];
    for (lines, why) in dropped.iter().filter(|(lines, _)| *lines > 0) {
        line(format!("Left out: {} {why}", plural(*lines, "line", "lines")));
    }
    if tally.skipped_events > 0 {
        line(format!("Left out: {} by 'history'", plural(tally.skipped_events, "event", "events")));
    }
    if tally.unreadable_places > 0 {
        line(format!(
            "Left out: {} that may not be read",
            plural(tally.unreadable_places, "file or folder", "files and folders")
        ));
    }
    text
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_was_read_what_would_leave_and_what_not() {
        let mut rows = Rows::new();
        for (event_type, at) in [
            (EventType::Tool, "2026-02-03T14:30:00Z"),
            (EventType::Session, "2025-12-31T23:59:59Z"),
            (EventType::Tool, "2026-01-03T14:30:00Z"),
        ] {
            count(&mut rows, event_type, at.parse().unwrap());
        }
        let tally = Tally {
            files: 3,
            bytes: 8_765_432,
            lines: 1234,
            unreadable_lines: 1,
            too_long_lines: 0,
            unknown_lines: 7,
            unknown_types: 2,
            skipped_events: 9,
            unreadable_places: 1,
        };
        insta::assert_snapshot!(summary(&tally, &rows, &"laptop".parse().unwrap()), @"
        Read: 3 transcripts, 8.7 MB, 1234 lines
        Would leave in the name of 'laptop': 3 events
          type         events  first       last
          session           1  2025-12-31  2025-12-31
          tool              2  2026-01-03  2026-02-03
        Left out: 7 lines of 2 unknown types
        Left out: 1 line that cannot be read
        Left out: 9 events by 'history'
        Left out: 1 file or folder that may not be read
        ");
    }

    #[test]
    fn a_file_elsewhere_is_placed_as_under_projects() {
        let root = |path: &str| projects_of(Path::new(path)).unwrap();
        assert_eq!(root("/a/b/-home-x/s.jsonl"), Path::new("/a/b"));
        assert_eq!(root("/a/b/-home-x/s/subagents/agent-1.jsonl"), Path::new("/a/b"));
        assert_eq!(root("/a/b/-home-x/s/subagents/workflows/w/agent-1.jsonl"), Path::new("/a/b"));
    }
}
