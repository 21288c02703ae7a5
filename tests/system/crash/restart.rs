//! `kill -9`, and how soon the next start reads on.

use std::time::{Duration, Instant};

use vibetea_tests::dice::Dice;
use vibetea_tests::oracle::Expected;
use vibetea_tests::place::Place;
use vibetea_tests::{stored, wait};

use super::writer::Writer;

const FILES: u32 = 40;
/// The first reading of everything, and whatever else must come some time.
const DEADLINE: Duration = Duration::from_mins(2);

/// How often a monitor is killed, and with how much behind it.
pub(super) struct Restarts {
    pub(super) lines: u32,
    pub(super) kills: u32,
    /// The command line that becomes the monitor.
    pub(super) wrapper: &'static [&'static str],
}

impl Restarts {
    /// Kills, lets the transcripts grow, and starts again; the times, sorted, from a start until everything complete was
    /// read. No server is there: reading does not wait for one.
    pub(super) fn times(&self) -> Vec<Duration> {
        let place = Place::new();
        place.make_keys();
        let mut dice = Dice::new();
        let mut writer = Writer::new(&place.claude(), FILES);
        let mut grow = |lines| {
            (0..lines).for_each(|_| writer.line(&mut dice));
            writer.finish();
        };
        grow(self.lines);
        let mut monitor = place.start_monitor(&[]);
        wait::until_so(DEADLINE, "everything is read", || is_read(&place));
        let mut times = Vec::new();
        for _ in 0..self.kills {
            monitor.kill();
            grow(FILES);
            let start = Instant::now();
            monitor = place.start_monitor_under(self.wrapper, &[]);
            wait::until_so(DEADLINE, "the next start has read on", || is_read(&place));
            times.push(start.elapsed());
        }
        times.sort_unstable();
        times
    }
}

/// Whether the saved positions are the ends of the files.
fn is_read(place: &Place) -> bool {
    let sizes = Expected::files(&place.claude().join("projects"));
    let written: u64 = sizes.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len())).sum();
    let read = stored::open(&place.state().join("outbox.db")).and_then(|store| {
        store.query_row("SELECT coalesce(sum(offset), 0) FROM file", [], |row| row.get::<_, u64>(0))
    });
    read.is_ok_and(|read| read == written)
}
