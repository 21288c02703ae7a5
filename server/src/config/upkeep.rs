//! How long events stay, and where copies of them go.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::{Reader, Setting};
use super::{BACKUP_DIR, BACKUP_EVERY, BACKUP_KEEP, RETENTION, RETENTION_COUNTS, Wrong, read_span};

/// Fewest days that events stay: `/query` reaches back 30 and counts single events at its edge.
const FEWEST_DAYS: u32 = 31;
const MOST_DAYS: u32 = 36_500;
const DAYS_ALLOWED: &str = "keep, or a number of days from 31d to 36500d, such as 400d";
const DAY: Duration = Duration::from_hours(24);
const SHORTEST_PAUSE: Duration = Duration::from_mins(5);
/// A start is for the monitors that wait.
const FIRST_ROUND: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(365 * 24);

/// How many days things stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events.
    pub events: u32,
    /// Counts by hour, project, type and tool, at least as long as events; for ever without a number.
    pub counts: Option<u32>,
}

/// The copies that the server makes of its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backups {
    /// Where they go.
    pub folder: PathBuf,
    /// Between two.
    pub every: Duration,
    /// How many stay.
    pub keep: usize,
}

/// How long events stay, and where copies of them go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    /// How long events stay; for ever without it.
    pub retention: Option<Retention>,
    /// From the start to the first look for what is old enough; no setting, but tests do not wait for it.
    pub first_round: Duration,
    /// Where copies go; nowhere without it.
    pub backups: Option<Backups>,
}

pub(super) fn read_upkeep(reader: &mut Reader<'_>) -> Upkeep {
    Upkeep { retention: read_retention(reader), first_round: FIRST_ROUND, backups: read_backups(reader) }
}

fn read_retention(reader: &mut Reader<'_>) -> Option<Retention> {
    let mut days = |setting: &Setting| reader.parse(setting, None, DAYS_ALLOWED, days);
    let (events, counts) = (days(&RETENTION), days(&RETENTION_COUNTS));
    if let Some(count_days) = counts
        && events.is_none_or(|events| count_days < events)
    {
        let held = events.map_or_else(
            || format!("is {count_days}d while all events are kept"),
            |events| format!("is {count_days}d while events are kept for {events}d"),
        );
        let allowed = format!("keep, or at least as many days as {}", RETENTION.name);
        reader.wrong.push(Wrong::new(RETENTION_COUNTS.name, held, allowed));
    }
    events.map(|events| Retention { events, counts })
}

/// `None` for a text that is no such number, `Some(None)` for no end.
#[expect(clippy::option_option, reason = "a setting that is understood may stand for no number")]
fn days(text: &str) -> Option<Option<u32>> {
    if text == "keep" {
        return Some(None);
    }
    let days = text.strip_suffix('d')?;
    let is_plain = days.bytes().all(|byte| byte.is_ascii_digit());
    let days = days.parse().ok().filter(|days| is_plain && (FEWEST_DAYS..=MOST_DAYS).contains(days))?;
    Some(Some(days))
}

fn read_backups(reader: &mut Reader<'_>) -> Option<Backups> {
    let folder = reader.find(&BACKUP_DIR).map(|found| PathBuf::from(found.value));
    let every = reader.parse(&BACKUP_EVERY, DAY, "a time from 5m to 365d, such as 12h or 7d", pause);
    let keep = reader.number(&BACKUP_KEEP, 7, 1..=1000);
    folder.map(|folder| Backups { folder, every, keep })
}

fn pause(text: &str) -> Option<Duration> {
    read_span(text).filter(|pause| (SHORTEST_PAUSE..=LONGEST_PAUSE).contains(pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_pauses_are_plain_numbers_with_a_unit_within_their_bounds() {
        assert_eq!(days("keep"), Some(None));
        assert_eq!((days("31d"), days("36500d")), (Some(Some(31)), Some(Some(36_500))));
        for wrong in ["30d", "36501d", "400", "d", "", "+40d", "4e2d", "40 d", "40D", "1y"] {
            assert_eq!(days(wrong), None, "{wrong:?}");
        }
        let minutes = |minutes| Some(Duration::from_mins(minutes));
        assert_eq!((pause("5m"), pause("24h"), pause("365d")), (minutes(5), minutes(1440), minutes(525_600)));
        for wrong in ["4m", "366d", "24"] {
            assert_eq!(pause(wrong), None, "{wrong:?}");
        }
    }
}
