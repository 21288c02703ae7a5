//! The store: is it there, can it be written, is it whole, is there room?

use std::fs;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};
use vibetea_protocol::{Clock, Timestamp};

use super::line::{Line, bytes, span};
use crate::config::Database;
use crate::store::{Examined, FileSystem, Integrity, PostgresStore, Registered, SqliteStore, StoreError};

const STORE: &str = "store";
const INTEGRITY: &str = "integrity";
const COUNTS: &str = "counts";
const SCHEMA: &str = "schema";
const SPACE: &str = "disk space";
const PLACE: &str = "file system";
const CLOCK: &str = "clock";
/// Less than this, and the next busy hour may not fit.
const LEAST_SPACE: u64 = 64 * 1024 * 1024;
const GOOD_SPACE: u64 = 1024 * 1024 * 1024;
/// A difference that nobody notices.
const MOST_SKEW: i64 = 30 * 1_000_000;

/// Answers who stands in the store, where that could be read.
pub(super) async fn check(database: &Database, clock: &Clock, lines: &mut Vec<Line>) -> Option<Registered> {
    match database {
        Database::Relay => {
            lines.push(Line::pass(STORE, "none, by the setting: live events are passed on and not kept"));
            Some(Registered { sources: 0, tokens: 0 })
        }
        Database::Sqlite(path) => sqlite(path, lines).await,
        Database::Postgres(url) => {
            let before = clock.now();
            let examined = PostgresStore::examine(url.expose()).await;
            let skew = examined.as_ref().ok().and_then(|examined| examined.clock).map(|theirs| {
                // the answer was made somewhere between
                between(before, theirs, clock.now())
            });
            let registered = examined_lines(examined, "the database", lines);
            lines.push(Line::unchecked(SPACE, "only the database's machine sees its disk"));
            lines.push(skew_line(skew));
            registered
        }
    }
}

async fn sqlite(path: &Path, lines: &mut Vec<Line>) -> Option<Registered> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let mut registered = None;
    if path.exists() {
        let looked_at = path.to_owned();
        let examined = tokio::task::spawn_blocking(move || SqliteStore::examine(&looked_at)).await;
        let examined = examined.unwrap_or_else(|error| Err(StoreError::Internal(error.to_string())));
        let examined = examined.map(|examined| writable_folder(examined, folder));
        registered = examined_lines(examined, &path.display().to_string(), lines);
    } else {
        lines.push(match access(there, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Line::warn(
                STORE,
                format!("{} is not there yet", path.display()),
                "the server makes it at its start; if there was one, see VIBETEA_DATA_DIR and VIBETEA_DATABASE_URL",
            ),
            Err(error) => Line::fail(
                STORE,
                format!("{} cannot be made: {error}", path.display()),
                format!("give {} to the server's user, or set VIBETEA_DATA_DIR to another folder", there.display()),
            ),
        });
    }
    lines.push(space(there, fs::metadata(path).map_or(0, |file| file.len())));
    lines.push(place(&FileSystem::of(there)));
    lines.push(Line::unchecked(CLOCK, "there is no other clock to compare with"));
    registered
}

/// The log beside the database needs the folder.
fn writable_folder(mut examined: Examined, folder: &Path) -> Examined {
    if let Err(error) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        examined.read_only.get_or_insert_with(|| format!("its folder cannot be written: {error}"));
    }
    examined
}

fn examined_lines(
    examined: Result<Examined, StoreError>,
    name: &str,
    lines: &mut Vec<Line>,
) -> Option<Registered> {
    let examined = match examined {
        Ok(examined) => examined,
        Err(error) => {
            lines.push(Line::fail(
                STORE,
                format!("{name}: {error}"),
                "check the address, the rights of the server's user, and that the database runs",
            ));
            for check in [INTEGRITY, COUNTS, SCHEMA] {
                lines.push(Line::unchecked(check, "the store cannot be read"));
            }
            return None;
        }
    };
    lines.push(match &examined.read_only {
        None => Line::pass(STORE, format!("{name} can be read, and its user may write")),
        Some(why) => {
            Line::fail(STORE, format!("{name} cannot be written: {why}"), "give it to the server's user")
        }
    });
    lines.push(match &examined.integrity {
        Integrity::Whole(how) => Line::pass(INTEGRITY, how),
        Integrity::Damaged(how) => Line::fail(
            INTEGRITY,
            how,
            "stop the server, keep the damaged store, and make a new one with `vibetea-server restore`; then `vibetea-server ask-history`",
        ),
        Integrity::Unknown(why) => Line::unchecked(INTEGRITY, why),
    });
    let is_whole = !matches!(examined.integrity, Integrity::Damaged(_));
    lines.push(counts(&examined, is_whole));
    lines.push(schema(&examined, is_whole));
    examined.registered
}

fn counts(examined: &Examined, is_whole: bool) -> Line {
    let (events, counted) = examined.events;
    match examined.schema {
        0 => Line::unchecked(COUNTS, "there is nothing to count"),
        _ if !is_whole => Line::unchecked(COUNTS, "the store is damaged"),
        _ if events == counted => {
            Line::pass(COUNTS, format!("{events} events, and as many in the kept counts"))
        }
        _ => Line::fail(
            COUNTS,
            format!("{events} events, but {counted} in the kept counts: somebody changed rows by hand"),
            "`vibetea-server export` into a new store with `vibetea-server import` counts everything anew",
        ),
    }
}

fn schema(examined: &Examined, is_whole: bool) -> Line {
    let Examined { schema, known_schema, .. } = *examined;
    match schema {
        _ if !is_whole => Line::unchecked(SCHEMA, "the store is damaged"),
        0 => Line::warn(SCHEMA, "there are no tables yet", "the server makes them at its start"),
        _ if schema == known_schema => Line::pass(SCHEMA, format!("version {schema}, this release's")),
        _ if schema < known_schema => Line::warn(
            SCHEMA,
            format!("version {schema}, this release's is {known_schema}"),
            "the next start brings it up to date; make a backup first",
        ),
        _ => Line::fail(
            SCHEMA,
            format!("version {schema}, which this release does not know (it knows {known_schema})"),
            "use a newer release",
        ),
    }
}

fn space(folder: &Path, size: u64) -> Line {
    match statvfs(folder) {
        Ok(system) => room(system.f_bavail.saturating_mul(system.f_frsize), size),
        Err(error) => Line::unchecked(SPACE, format!("{} does not say: {error}", folder.display())),
    }
}

fn room(free: u64, size: u64) -> Line {
    let message = format!("{} free where the store is, which has {}", bytes(free), bytes(size));
    let remedy = "make room, set VIBETEA_RETENTION, or move the store to another disk";
    match free {
        0..LEAST_SPACE => Line::fail(SPACE, message, remedy),
        LEAST_SPACE..GOOD_SPACE => Line::warn(SPACE, message, remedy),
        GOOD_SPACE.. => Line::pass(SPACE, message),
    }
}

fn place(system: &FileSystem) -> Line {
    match (system, system.warning()) {
        (FileSystem::Network(_), Some(warning)) => {
            Line::fail(PLACE, warning, "move the store, with the server stopped")
        }
        (_, Some(warning)) => Line::warn(PLACE, warning, "move the store, with the server stopped"),
        (FileSystem::Local(kind), None) => Line::pass(PLACE, format!("{kind}, of this machine")),
        (_, None) => Line::unchecked(PLACE, "the system does not tell its kind"),
    }
}

fn between(before: Timestamp, theirs: Timestamp, after: Timestamp) -> i64 {
    if theirs < before { theirs.since(before) } else { theirs.since(after).max(0) }
}

fn skew_line(skew: Option<i64>) -> Line {
    match skew {
        None => Line::unchecked(CLOCK, "the database did not tell its time"),
        Some(skew) if skew.abs() <= MOST_SKEW => Line::pass(CLOCK, "this machine's and the database's agree"),
        Some(skew) => Line::warn(
            CLOCK,
            format!("the database's is {} {}", span(skew), if skew > 0 { "ahead" } else { "behind" }),
            "set both machines' clocks by NTP",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Verdict::{self, Fail, Pass, Unchecked, Warn};
    use super::*;

    fn verdicts(lines: &[Line]) -> Vec<(&'static str, Verdict)> {
        lines.iter().map(|line| (line.check, line.status)).collect()
    }

    fn whole() -> Examined {
        Examined {
            read_only: None,
            integrity: Integrity::Whole("every page".to_owned()),
            events: (50, 50),
            schema: 6,
            known_schema: 6,
            registered: None,
            clock: None,
        }
    }

    fn told(examined: Examined) -> Vec<Line> {
        let mut lines = Vec::new();
        examined_lines(Ok(examined), "x.db", &mut lines);
        lines
    }

    #[test]
    fn a_store_that_cannot_be_written_fails_however_whole_it_is() {
        let lines = told(whole());
        assert_eq!(
            verdicts(&lines),
            [(STORE, Pass), (INTEGRITY, Pass), (COUNTS, Pass), (SCHEMA, Pass)],
            "{lines:?}"
        );
        let lines = told(Examined { read_only: Some("its folder is read-only".to_owned()), ..whole() });
        assert_eq!(verdicts(&lines)[0], (STORE, Fail));
        assert_eq!(lines[0].message, "x.db cannot be written: its folder is read-only");
        let mut lines = Vec::new();
        examined_lines(Err(StoreError::Unavailable("nobody answers".to_owned())), "x", &mut lines);
        assert_eq!(
            verdicts(&lines),
            [(STORE, Fail), (INTEGRITY, Unchecked), (COUNTS, Unchecked), (SCHEMA, Unchecked)]
        );
    }

    #[test]
    fn what_is_damaged_or_of_another_release_passes_nothing() {
        let damaged = told(Examined { integrity: Integrity::Damaged("page 3".to_owned()), ..whole() });
        assert_eq!(
            verdicts(&damaged)[1..],
            [(INTEGRITY, Fail), (COUNTS, Unchecked), (SCHEMA, Unchecked)],
            "{damaged:?}"
        );
        for (schema, verdict) in [(0, Warn), (5, Warn), (6, Pass), (7, Fail)] {
            assert_eq!(told(Examined { schema, ..whole() })[3].status, verdict, "{schema}");
        }
        assert_eq!(told(Examined { events: (50, 49), ..whole() })[2].status, Fail);
        assert_eq!(
            told(Examined { integrity: Integrity::Unknown("big".to_owned()), ..whole() })[1].status,
            Unchecked
        );
    }

    #[test]
    fn little_room_is_a_warning_and_hardly_any_a_failure() {
        for (free, verdict) in [
            (0, Fail),
            (LEAST_SPACE - 1, Fail),
            (LEAST_SPACE, Warn),
            (GOOD_SPACE - 1, Warn),
            (GOOD_SPACE, Pass),
            (u64::MAX, Pass),
        ] {
            assert_eq!(room(free, 7).status, verdict, "{free}");
        }
        let told = room(8_765_432, 999);
        assert_eq!(told.message, "8.7 MB free where the store is, which has 999 bytes");
        assert_eq!(space(Path::new("/nowhere/at/all"), 0).status, Unchecked);
        assert_ne!(space(Path::new("/"), 0).status, Unchecked);
    }

    #[test]
    fn a_store_on_a_network_fails_and_one_on_what_nobody_knows_does_not_pass() {
        for (system, verdict) in [
            (FileSystem::Local("ext4".to_owned()), Pass),
            (FileSystem::Network("nfs4".to_owned()), Fail),
            (FileSystem::Fuse("fuse.something".to_owned()), Warn),
            (FileSystem::Unknown, Unchecked),
        ] {
            let told = place(&system);
            assert_eq!(told.status, verdict, "{told:?}");
        }
    }

    #[test]
    fn clocks_that_differ_are_told_with_the_direction() {
        let at = |second: i64| Timestamp::from_micros(1_770_000_000_000_000 + second * 1_000_000).unwrap();
        // the answer was made between the two looks, or it was not
        assert_eq!(between(at(0), at(3), at(5)), 0);
        assert_eq!(between(at(0), at(65), at(5)), 60_000_000);
        assert_eq!(between(at(0), at(-60), at(5)), -60_000_000);
        for (skew, verdict, word) in [
            (None, Unchecked, "did not tell"),
            (Some(0), Pass, "agree"),
            (Some(MOST_SKEW), Pass, "agree"),
            (Some(-MOST_SKEW), Pass, "agree"),
            (Some(MOST_SKEW + 1_000_000), Warn, "31 s ahead"),
            (Some(-3_600_000_000), Warn, "60 min behind"),
        ] {
            let told = skew_line(skew);
            assert_eq!(told.status, verdict, "{told:?}");
            assert!(told.message.contains(word), "{told:?}");
        }
    }
}
