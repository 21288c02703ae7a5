//! The copies that come by themselves, while time passes as a test has it.

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::store::{SqliteOptions, Store};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

/// A store that is copied, the folder its copies go to, and what time it is.
struct Rig {
    root: TempDir,
    clock: Clock,
    metrics: Arc<UpkeepMetrics>,
    stop: CancellationToken,
}

impl Rig {
    async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let clock = Clock::fixed("2026-02-03T12:00:00Z".parse().unwrap());
        let path = root.path().join("vibetea.db");
        let store = Store::open_sqlite(SqliteOptions::new(path), clock.clone(), Box::new(|_| {}));
        store.await.unwrap().close().await;
        // from here on nothing but a copy takes time
        tokio::time::pause();
        Self { root, clock, metrics: Arc::default(), stop: CancellationToken::new() }
    }

    fn database(&self) -> PathBuf {
        self.root.path().join("vibetea.db")
    }

    async fn start(&self, every: Duration) -> JoinHandle<()> {
        let wanted = Backups { folder: self.root.path().join("copies"), every, keep: 2 };
        let origin = Origin::Sqlite(self.database());
        let copies = Copies::new(wanted, origin, self.clock.clone(), Arc::clone(&self.metrics));
        let running = tokio::spawn(copies.run(self.stop.clone()));
        // it looks at the clock before time passes
        tokio::task::yield_now().await;
        running
    }

    async fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.clock.set(Timestamp::from_micros(self.clock.now().as_micros() + micros).unwrap());
        sleep(time).await;
    }

    /// The times of the copies that are there, and how many were made and failed so far.
    fn seen(&self) -> (Vec<String>, u64, u64) {
        let found = copies(&self.root.path().join("copies"), "db").unwrap_or_default();
        let times = found.iter().map(|(time, _)| time.to_string()[11..19].to_owned()).collect();
        (times, self.metrics.backups.get(), self.metrics.backup_failures.get())
    }
}

fn times(times: &[&str]) -> Vec<String> {
    times.iter().map(|time| (*time).to_owned()).collect()
}

#[tokio::test]
async fn copies_come_at_their_interval_and_the_newest_stay() {
    let rig = Rig::new().await;
    let running = rig.start(HOUR).await;
    rig.pass(10 * SECOND).await;
    assert_eq!(rig.seen(), (vec![], 0, 0), "a start is for the monitors that wait");
    rig.pass(20 * SECOND).await;
    assert_eq!(rig.seen(), (times(&["12:00:30"]), 1, 0));
    rig.pass(59 * MINUTE).await;
    assert_eq!(rig.seen(), (times(&["12:00:30"]), 1, 0), "an hour is not over");
    rig.pass(MINUTE).await;
    assert_eq!(rig.seen(), (times(&["12:00:30", "13:00:30"]), 2, 0));
    rig.pass(HOUR).await;
    assert_eq!(rig.seen(), (times(&["13:00:30", "14:00:30"]), 3, 0));
    rig.stop.cancel();
    running.await.unwrap();
}

/// The twin: where the next one is a day away, the same hour brings none.
#[tokio::test]
async fn an_interval_that_is_not_kept_is_seen_by_the_check() {
    let rig = Rig::new().await;
    let _running = rig.start(24 * HOUR).await;
    rig.pass(30 * SECOND).await;
    rig.pass(HOUR).await;
    assert_eq!(rig.seen(), (times(&["12:00:30"]), 1, 0));
}

#[tokio::test]
async fn one_that_failed_is_tried_again_in_a_quarter_of_an_hour() {
    let rig = Rig::new().await;
    let _running = rig.start(HOUR).await;
    rig.pass(30 * SECOND).await;
    let away = rig.root.path().join("away");
    fs::rename(rig.database(), &away).unwrap();
    rig.pass(HOUR).await;
    assert_eq!(rig.seen(), (times(&["12:00:30"]), 1, 1), "the old one stays");
    rig.pass(14 * MINUTE).await;
    fs::rename(away, rig.database()).unwrap();
    assert_eq!(rig.seen(), (times(&["12:00:30"]), 1, 1));
    rig.pass(MINUTE).await;
    assert_eq!(rig.seen(), (times(&["12:00:30", "13:15:30"]), 2, 1));
    // and then at its interval again
    rig.pass(59 * MINUTE).await;
    assert_eq!(rig.seen().1, 2);
    rig.pass(MINUTE).await;
    assert_eq!(rig.seen(), (times(&["13:15:30", "14:15:30"]), 3, 1));
}

#[tokio::test]
async fn a_restart_is_no_reason_for_another() {
    let rig = Rig::new().await;
    let first = rig.start(HOUR).await;
    rig.pass(30 * SECOND).await;
    first.abort();
    let _second = rig.start(HOUR).await;
    rig.pass(59 * MINUTE).await;
    assert_eq!(rig.seen(), (times(&["12:00:30"]), 1, 0));
    rig.pass(MINUTE).await;
    assert_eq!(rig.seen(), (times(&["12:00:30", "13:00:30"]), 2, 0));
    let bytes = fs::metadata(newest_copy(&rig.root.path().join("copies"), "db").unwrap().1).unwrap().len();
    assert_eq!(rig.metrics.backup_bytes.get(), i64::try_from(bytes).unwrap());
}
