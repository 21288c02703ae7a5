//! The real programs under a writer that does not stop and a killer that has no manners.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vibetea_monitor::identity::Identity;
use vibetea_monitor::outbox::Outbox;
use vibetea_tests::dice::Dice;
use vibetea_tests::exactly_once::{self, Difference};
use vibetea_tests::place::{Place, source};
use vibetea_tests::program::{Program, free_port, loopback};
use vibetea_tests::{answers, oracle, stored, wait};

use super::proxy::Proxy;
use super::writer::Writer;

/// How long everything may take to arrive once the kills are over.
const SETTLE: Duration = Duration::from_secs(90);
/// The same where every few events cost a failed attempt, by the hundred and more.
const SETTLE_SLOWLY: Duration = Duration::from_mins(25);

/// Whom a kill hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Monitor,
    Server,
    Both,
}

/// How much is written and killed.
pub(super) struct Storm {
    pub(super) files: u32,
    pub(super) lines: u32,
    /// Of the monitor, where it is among the targets.
    pub(super) kills: u32,
    /// Kills are up to this far apart.
    pub(super) longest_pause: Duration,
    /// What stands between monitor and server.
    pub(super) proxy: Option<Proxy>,
    /// Most events in one request, where that is not left to the monitor.
    pub(super) buffer: Option<&'static str>,
}

impl Storm {
    /// Nobody is killed and nothing is in between.
    pub(super) const CALM: Self =
        Self { files: 1, lines: 1, kills: 0, longest_pause: Duration::ZERO, proxy: None, buffer: None };

    /// Writes and kills, lets everything settle, and compares. How many events the server was sent that it had already,
    /// since it was started last.
    pub(super) fn run(mut self, targets: &[Target]) -> Result<u64, Difference> {
        let place = Place::new();
        let public_key = place.make_keys();
        let monitor_url = self.monitor_url(&place);
        let start_monitor = || {
            let mut more = vec![
                ("VIBETEA_SERVER_URL", monitor_url.as_str()),
                ("VIBETEA_SESSION_SILENCE_SECS", "31536000"),
            ];
            more.extend(self.buffer.map(|buffer| ("VIBETEA_BUFFER_SIZE", buffer)));
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
            let all_count = targets == [Target::Server];
            let mut kills = 0;
            while kills < self.kills {
                std::thread::sleep(self.pause(&mut dice));
                let target = *dice.pick(targets);
                kills += u32::from(all_count || target != Target::Server);
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
        settle(&place, &writer, &monitor, if self.buffer.is_some() { SETTLE_SLOWLY } else { SETTLE });
        let repeated = repeated(&place);
        stop(monitor, "the monitor");
        stop(server, "the server");
        let integrity = stored::integrity(&place.database()).expect("the database can be read");
        assert_eq!(integrity, "ok");
        // a line that was half there was not taken for a whole one
        let counters = Outbox::status(&place.state()).expect("the store can be read").counters;
        assert_eq!(counters.get("lines_unreadable"), None);
        let identity = Identity::new(&place.private_key(), &source());
        let expected =
            writer.expected.iter().map(|(natural, at)| oracle::id(&identity, natural, *at)).collect();
        exactly_once::compare(&expected, &stored::ids(&place.database()).expect("the database can be read"))?;
        Ok(repeated)
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
fn settle(place: &Place, writer: &Writer, monitor: &Program, patience: Duration) {
    const QUIET: Duration = Duration::from_secs(15);
    let database = place.database();
    let expected = u64::try_from(writer.expected.len()).unwrap_or(u64::MAX);
    let (mut last, mut since) = (0, Instant::now());
    wait::until_so(
        patience,
        &format!("everything is stored; the monitor said: {}", monitor.stderr()),
        || {
            let count = stored::count(&database);
            if count != last {
                (last, since) = (count, Instant::now());
            }
            count >= expected || since.elapsed() > QUIET
        },
    );
}

/// What the server counts of events that were there already.
fn repeated(place: &Place) -> u64 {
    let answer = answers::get(loopback(place.port), "/metrics", &[]).expect("the server answers");
    let counts = answer.body.lines().filter(|line| line.starts_with("vibetea_events_duplicate_total"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// A stop that was asked for succeeds in five seconds, and a little more on a busy machine.
fn stop(program: Program, name: &str) {
    program.terminate();
    let ended = program.wait(Duration::from_secs(20));
    assert!(ended.status.success(), "{name} ended with {}: {}", ended.status, ended.stderr);
}
