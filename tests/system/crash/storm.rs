//! The real programs under a writer that does not stop and a killer that has no manners.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vibetea_monitor::identity::Identity;
use vibetea_tests::dice::Dice;
use vibetea_tests::exactly_once::{self, Difference};
use vibetea_tests::place::{Place, source};
use vibetea_tests::program::{Program, free_port, loopback};
use vibetea_tests::{oracle, stored, wait};

use super::proxy::Proxy;
use super::writer::Writer;

/// How long everything may take to arrive once the kills are over.
const SETTLE: Duration = Duration::from_secs(90);

/// Whom a kill hits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    Monitor,
    Server,
    Both,
}

/// How much is written and killed.
pub(super) struct Storm {
    pub(super) files: u32,
    pub(super) lines: u32,
    pub(super) kills: u32,
    /// Kills are up to this far apart.
    pub(super) longest_pause: Duration,
    /// What stands between monitor and server.
    pub(super) proxy: Option<Proxy>,
}

impl Storm {
    /// Writes and kills, lets everything settle, and compares.
    pub(super) fn run(mut self, targets: &[Target]) -> Result<(), Difference> {
        let place = Place::new();
        let public_key = place.make_keys();
        let monitor_url = self.monitor_url(&place);
        let start_monitor = || {
            let more =
                [("VIBETEA_SERVER_URL", monitor_url.as_str()), ("VIBETEA_SESSION_SILENCE_SECS", "31536000")];
            place.start_monitor(&more)
        };
        let mut dice = Dice::new();
        let mut writer = Writer::new(&place.claude(), self.files);
        let mut server = place.start_server(&public_key);
        let mut monitor = start_monitor();
        let killing = AtomicBool::new(true);
        let mut writer_dice = dice.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| self.write(&mut writer, &mut writer_dice, &killing));
            for _ in 0..self.kills {
                std::thread::sleep(self.pause(&mut dice));
                let target = *dice.pick(targets);
                if matches!(target, Target::Server | Target::Both) {
                    server.kill();
                    server = place.start_server_unready(&public_key);
                }
                if matches!(target, Target::Monitor | Target::Both) {
                    monitor.kill();
                    monitor = start_monitor();
                }
            }
            killing.store(false, Ordering::Relaxed);
        });
        writer.finish();
        place.wait_ready(&mut server, Duration::from_secs(30));
        settle(&place, &writer, &monitor);
        stop(monitor, "the monitor");
        stop(server, "the server");
        let integrity = stored::integrity(&place.database()).expect("the database can be read");
        assert_eq!(integrity, "ok");
        let identity = Identity::new(&place.private_key(), &source());
        let expected =
            writer.expected.iter().map(|(natural, at)| oracle::id(&identity, natural, *at)).collect();
        exactly_once::compare(&expected, &stored::ids(&place.database()).expect("the database can be read"))
    }

    fn monitor_url(&mut self, place: &Place) -> String {
        let server = loopback(place.port);
        let address = self.proxy.take().map_or(server, |proxy| proxy.start(loopback(free_port()), server));
        format!("http://{address}")
    }

    fn pause(&self, dice: &mut Dice) -> Duration {
        Duration::from_micros(dice.below(u64::try_from(self.longest_pause.as_micros()).unwrap_or(u64::MAX)))
    }

    /// Spreads the lines over the time of the kills, and what is left over the moment after them.
    fn write(&self, writer: &mut Writer, dice: &mut Dice, killing: &AtomicBool) {
        let gap = self.longest_pause * self.kills / 2 / self.lines;
        let start = Instant::now();
        for line in 0..self.lines {
            let due = gap * line;
            if killing.load(Ordering::Relaxed) {
                std::thread::sleep(due.saturating_sub(start.elapsed()));
            }
            writer.line(dice);
        }
    }
}

/// Waits until as many events are stored as there must be, or until nothing has come for a while: then it is for
/// the comparison to say what is missing.
fn settle(place: &Place, writer: &Writer, monitor: &Program) {
    const QUIET: Duration = Duration::from_secs(15);
    let database = place.database();
    let expected = u64::try_from(writer.expected.len()).unwrap_or(u64::MAX);
    let (mut last, mut since) = (0, Instant::now());
    wait::until_so(SETTLE, &format!("everything is stored; the monitor said: {}", monitor.stderr()), || {
        let count = stored::count(&database);
        if count != last {
            (last, since) = (count, Instant::now());
        }
        count >= expected || since.elapsed() > QUIET
    });
}

/// A stop that was asked for takes at most five seconds and succeeds.
fn stop(program: Program, name: &str) {
    program.terminate();
    let ended = program.wait(Duration::from_secs(5));
    assert!(ended.status.success(), "{name} ended with {}: {}", ended.status, ended.stderr);
}
