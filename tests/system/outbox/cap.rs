//! Nobody takes events until the outbox is full: reading pauses, and the transcripts are the overflow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use tokio_util::sync::CancellationToken;
use url::Url;
use vibetea_monitor::config::Shipping;
use vibetea_monitor::identity::Identity;
use vibetea_monitor::interpret::Interpreter;
use vibetea_monitor::outbox::{Destination, Outbox};
use vibetea_monitor::pipeline::{Pause, Reader, ReaderConfig, spawn_reader};
use vibetea_monitor::privacy::Policy;
use vibetea_monitor::sender::{Sender, Signer};
use vibetea_protocol::Clock;
use vibetea_tests::oracle;
use vibetea_tests::place::{Place, source};
use vibetea_tests::program::loopback;
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;

const SESSIONS: u32 = 12;
const LINES: usize = 600;
const CAP: u64 = 64 * 1024;
/// Payloads and envelopes of the events of one turn of the reader, which reads a mebibyte of lines; less than that.
const ONE_TURN: u64 = 1 << 20;
const LONG: Duration = Duration::from_mins(2);

/// A monitor in this process, so that its cap can be chosen and its health seen.
struct Monitor {
    place: Place,
    outbox: Outbox,
    reader: Reader,
    /// The ids that each session's file must give, in their order.
    expected: BTreeMap<PathBuf, Vec<Vec<String>>>,
    stop: CancellationToken,
}

impl Monitor {
    /// Writes the sessions and starts to read them into an outbox of this size.
    fn start(cap: u64) -> Self {
        let place = Place::new();
        place.make_keys();
        let identity = Identity::new(&place.private_key(), &source());
        let mut expected = BTreeMap::new();
        for number in 0..SESSIONS {
            let mut session = Session::new(number, "shop");
            let path = session.path(&place.claude());
            let mut file = Appender::open(&path);
            let now = Clock::System.now();
            let mut text = String::new();
            let mut ids = Vec::new();
            for _ in 0..LINES {
                let line = session.next_line(now);
                text.push_str(&line.text);
                text.push('\n');
                ids.push(
                    line.events.iter().map(|(natural, at)| oracle::id(&identity, natural, *at)).collect(),
                );
            }
            file.write(text.as_bytes());
            expected.insert(path, ids);
        }
        let outbox = Outbox::open_with_cap(&place.state(), &Clock::System, cap).unwrap();
        let config = ReaderConfig { rescan: Duration::from_millis(50), ..ReaderConfig::new(place.claude()) };
        let interpreter = Interpreter::new(Policy::from_allowlist(None), identity, config.silence);
        let stop = CancellationToken::new();
        let reader = spawn_reader(&config, outbox.clone(), interpreter, Clock::System, stop.clone()).unwrap();
        Self { place, outbox, reader, expected, stop }
    }

    fn is_paused(&self) -> bool {
        self.reader.health.borrow().pause == Some(Pause::OutboxFull)
    }

    fn lines(&self) -> usize {
        self.expected.values().map(Vec::len).sum()
    }

    fn counter(&self, name: &str) -> u64 {
        Outbox::status(&self.place.state()).unwrap().counters.get(name).copied().unwrap_or(0)
    }

    /// Ships to a server until everything is read and nothing waits; the ids in the order in which they were
    /// stored, and the most that ever waited, in bytes.
    fn ship(&self) -> (Vec<String>, u64) {
        let key = SigningKey::from_bytes(&self.place.private_key());
        let public = vibetea_protocol::signing::PublicKey::of(&key).to_base64();
        let _server = self.place.start_server(&public);
        let url = |route| Url::parse(&format!("http://{}/{route}", loopback(self.place.port))).unwrap();
        let shipping = Shipping {
            live_url: url("events"),
            batch_url: url("ingest"),
            hosted: false,
            batch_interval: Duration::from_mins(1),
            retry_limit: 3,
            buffer_size: 1000,
            ca_cert: None,
        };
        let signer = Signer { key: key.into(), source: source() };
        let sender = Sender::new(&shipping, &signer, &self.outbox, &Clock::System).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let stop = self.stop.clone();
        let sending = runtime.spawn(sender.run(stop));
        let mut most = self.outbox.bytes();
        until_so(LONG, "everything is read and sent", || {
            most = most.max(self.outbox.bytes());
            let waiting = Destination::ALL.map(|to| self.outbox.depth(to).unwrap());
            self.reader.progress.borrow().done && !self.is_paused() && waiting == [0, 0]
        });
        self.stop.cancel();
        runtime.block_on(sending).unwrap().unwrap();
        let database = stored::open(&self.place.database()).unwrap();
        let mut statement = database.prepare("SELECT 'evt_' || id FROM event ORDER BY seq").unwrap();
        let ids = statement.query_map([], |row| row.get(0)).unwrap();
        (ids.collect::<Result<_, _>>().unwrap(), most)
    }
}

/// What is missing of one file's lines, or stands before what it comes after.
fn out_of_order(stored: &[String], lines: &[Vec<String>]) -> Option<String> {
    let places: BTreeMap<&str, usize> = stored.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let mut last = 0;
    for (number, line) in lines.iter().enumerate() {
        let Some(first) = line.iter().map(|id| places.get(id.as_str())).min().flatten() else {
            return Some(format!("line {number} is missing"));
        };
        if *first < last {
            return Some(format!("line {number} came before its predecessor"));
        }
        last = *line.iter().filter_map(|id| places.get(id.as_str())).max()?;
    }
    None
}

/// Lets the outbox run full, harms it if asked to, and ships; what is wrong then.
fn overflow(cap: u64, harm: impl Fn(&Monitor)) -> Result<(), String> {
    let monitor = Monitor::start(cap);
    until_so(LONG, "reading pauses or ends", || monitor.is_paused() || monitor.reader.progress.borrow().done);
    let before = monitor.outbox.bytes();
    if before > CAP + ONE_TURN {
        return Err(format!("{before} bytes wait"));
    }
    harm(&monitor);
    let (stored, most) = monitor.ship();
    if most > CAP + ONE_TURN {
        return Err(format!("{most} bytes waited"));
    }
    let wrong = monitor.expected.values().find_map(|lines| out_of_order(&stored, lines));
    wrong.map_or(Ok(()), Err)
}

#[test]
fn a_full_outbox_pauses_reading_and_loses_nothing_and_keeps_the_order_of_each_file() {
    overflow(CAP, |_| {}).unwrap();
}

#[test]
fn an_outbox_without_a_cap_and_one_that_drops_are_seen_by_the_check() {
    let what = overflow(u64::MAX, |_| {}).unwrap_err();
    assert!(what.contains("bytes wait"), "{what}");
    let drops = |monitor: &Monitor| {
        monitor.outbox.drop_all(Destination::Live, "oldest").unwrap();
    };
    let what = overflow(CAP, drops).unwrap_err();
    assert!(what.contains("is missing"), "{what}");
    let ids = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>();
    let lines: Vec<_> = [1, 2, 3].map(|number| ids(&[number])).into();
    assert_eq!(out_of_order(&ids(&[1, 9, 2, 3]), &lines), None);
    assert!(out_of_order(&ids(&[2, 1, 3]), &lines).is_some());
}

/// What the monitor in this process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        subscriber.init();
        log
    }

    fn lines_with(&self, words: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_are_deleted_while_reading_pauses_are_counted_to_the_last() {
    let log = Log::start();
    let monitor = Monitor::start(CAP);
    let health = || *monitor.reader.health.borrow();
    let unread = || monitor.lines() as u64 - monitor.counter("lines");
    until_so(LONG, "every unread line is counted", || {
        monitor.is_paused() && health().waiting_lines == unread()
    });
    // at once, with everything that was not read
    let folder = monitor.place.claude().join("projects/-home-dev-shop");
    std::fs::rename(&folder, monitor.place.home().join("elsewhere")).unwrap();
    until_so(LONG, "the loss is noticed", || health().lost_lines > 0);
    let lost = health().lost_lines;
    assert!(lost > 1000, "{lost}");
    assert_eq!(monitor.counter("lines_lost"), lost);
    let said = log.lines_with("transcripts were deleted");
    assert!(said.len() == 1 && said[0].contains(&format!("lines={lost}")), "{said:?}");

    let (stored, _) = monitor.ship();
    let stored: BTreeSet<&String> = stored.iter().collect();
    let lines = monitor.expected.values().flatten();
    let arrived = lines.filter(|ids| ids.iter().all(|id| stored.contains(id))).count();
    assert_eq!(arrived as u64 + lost, monitor.lines() as u64);
    assert_eq!(log.lines_with("transcripts were deleted").len(), 1);
    // planted bug: a monitor that does not count
    assert_ne!(arrived, monitor.lines());
}
