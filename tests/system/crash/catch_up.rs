//! `kill -9` while months of old transcripts are read: stored exactly once, in little memory.

use std::collections::BTreeSet;
use std::time::Duration;

use vibetea_monitor::identity::Identity;
use vibetea_protocol::timestamp::MICROS_PER_DAY;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_tests::dice::Dice;
use vibetea_tests::exactly_once::{self, Difference};
use vibetea_tests::history::History;
use vibetea_tests::place::{Place, source};
use vibetea_tests::{oracle, stored, wait};

const KILLS: u64 = 5;
const SETTLE: Duration = Duration::from_mins(15);

/// What a monitor may hold at most; a transcript of its own is larger.
const MEMORY: u64 = 150 << 20;

/// How much is read.
pub(super) struct CatchUp {
    pub(super) files: u32,
    pub(super) bytes: u64,
    /// A transcript goes before it was read: what the check has to see.
    pub(super) loses_a_file: bool,
}

impl CatchUp {
    /// Kills the monitor five times on its way through all of it, and compares.
    pub(super) fn run(&self) -> Result<(), Difference> {
        let place = Place::new();
        let public_key = place.make_keys();
        let until = Timestamp::from_micros(Clock::System.now().as_micros() - MICROS_PER_DAY).unwrap();
        let projects = place.claude().join("projects");
        let history = History::write(&projects, self.files, self.bytes, until, Dice::new().below(1 << 40));
        let history = history.expect("transcripts can be written");
        let _server = place.start_server(&public_key);
        let mut total = history.expected.len() as u64;
        if self.loses_a_file {
            let lost = oracle::Expected::files(&projects).remove(0);
            let gone =
                oracle::Expected::read_these(&projects, std::slice::from_ref(&lost)).events.len() as u64;
            std::fs::remove_file(lost).unwrap();
            total -= gone;
        }
        let mut most = 0;
        for run in 1..=KILLS + 1 {
            let mut monitor = place.start_monitor(&[("VIBETEA_SESSION_SILENCE_SECS", "31536000")]);
            // the last run reads to the end
            let enough = total * run / (KILLS + 1);
            wait::until_so(SETTLE, "events are stored", || {
                most = most.max(monitor.peak_bytes().unwrap_or(0));
                stored::count(&place.database()) >= enough
            });
            monitor.kill();
        }
        assert!(most < MEMORY, "the monitor held {most} bytes");
        let identity = Identity::new(&place.private_key(), &source());
        let ids = history.expected.iter().map(|(natural, at)| oracle::id(&identity, natural, *at));
        let expected: BTreeSet<String> = ids.collect();
        exactly_once::compare(&expected, &stored::ids(&place.database()).expect("the database can be read"))
    }
}
