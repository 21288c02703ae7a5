//! How soon the viewers of one server see what another takes: at once by the notification of the database, and by the
//! look at the table where no notification comes.

use std::ops::Range;
use std::time::{Duration, Instant};

use vibetea_testkit::{Cluster, Proxy};
use vibetea_tests::socket::Viewer;
use vibetea_tests::wait;

use super::replica::{Replica, SOURCES, change_function, event, id};

const DEADLINE: Duration = Duration::from_secs(30);
/// What is promised of every event, notified or not, by a machine that is not busy: of most here.
const PROMISED: Duration = Duration::from_secs(2);
/// What no event may take on any machine.
const TOO_LATE: Duration = Duration::from_secs(15);
/// An event that was notified is there sooner, one that waits for the look at the table mostly later.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Until a server has found out that nothing comes any more, and listens again.
const REPLACED: Duration = Duration::from_mins(1);

/// How long events took from one server to a viewer of another.
#[derive(Debug)]
struct Delays(Vec<Duration>);

impl Delays {
    async fn measure(near: &Replica, far: &mut Viewer, numbers: Range<u64>) -> Self {
        let mut delays = Vec::new();
        for number in numbers {
            let start = Instant::now();
            near.take("/events", SOURCES[0], &[event(SOURCES[0], number)]);
            assert_eq!(far.next(DEADLINE).await["id"], id(number));
            delays.push(start.elapsed());
        }
        delays.sort();
        Self(delays)
    }

    /// Some of them may have met a busy machine.
    fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    fn longest(&self) -> Duration {
        *self.0.last().expect("some were measured")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_takes_is_seen_by_the_viewers_of_all_at_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (one, other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    let (mut near, mut far) = (one.viewer("").await, other.viewer("").await);
    let delays = Delays::measure(&one, &mut far, 0..20).await;
    for number in 0..20 {
        assert_eq!(near.next(DEADLINE).await["id"], id(number));
    }
    assert!(delays.median() < AT_ONCE, "{delays:?}");
    assert!(delays.longest() < TOO_LATE, "{delays:?}");
}

/// Planted bug: nothing is notified. The promise is kept all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_notifies_nobody_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (one, other) = (Replica::start(&database.url()), Replica::start(&database.url()));
    change_function(&mut database.shell(), |text| {
        text.replace("PERFORM pg_notify('vibetea_live', before::text);", "NULL;")
    });
    let mut far = other.viewer("").await;
    let delays = Delays::measure(&one, &mut far, 0..9).await;
    assert!((AT_ONCE..PROMISED).contains(&delays.median()), "{delays:?}");
    assert!(delays.longest() < TOO_LATE, "{delays:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_connection_that_goes_silent_is_replaced() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let proxy = Proxy::start(cluster.address());
    let one = Replica::start(&database.url());
    let other = Replica::start(&database.url_at(proxy.address()));
    let mut far = other.viewer("").await;
    wait::until_so(DEADLINE, "a connection listens", || proxy.listeners() == 1);
    let before = Delays::measure(&one, &mut far, 0..5).await;
    assert!(before.median() < AT_ONCE, "{before:?}");
    assert_eq!(proxy.silence_listeners(), 1);
    let silent = Delays::measure(&one, &mut far, 5..12).await;
    assert!((AT_ONCE..PROMISED).contains(&silent.median()), "{silent:?}");
    assert!(silent.longest() < TOO_LATE, "{silent:?}");
    wait::until_so(REPLACED, "another connection listens", || proxy.listeners() == 1);
    let after = Delays::measure(&one, &mut far, 12..21).await;
    assert!(after.median() < AT_ONCE, "{after:?}");
    // the silent one does not keep it from stopping
    other.stop();
}
