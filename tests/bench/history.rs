//! Months of transcripts: how fast they are read beside a plain count of their lines, in how much memory, and what a
//! fresh line waits meanwhile.
//!
//! Speeds are compared by time on the processor, of one thread each: waiting for the disk and for other programs is
//! in neither.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio_util::sync::CancellationToken;
use vibetea_monitor::identity::Identity;
use vibetea_monitor::interpret::Interpreter;
use vibetea_monitor::outbox::Outbox;
use vibetea_monitor::pipeline::{ReaderConfig, spawn_reader};
use vibetea_monitor::privacy::Policy;
use vibetea_protocol::timestamp::MICROS_PER_DAY;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_tests::history::History;
use vibetea_tests::oracle::Expected;
use vibetea_tests::place::{Place, TOKEN, source};
use vibetea_tests::socket::Viewer;
use vibetea_tests::stored;
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until;

use crate::footprint::peak;
use crate::query::millis;
use crate::report::{Aim, Report, median, quantile};
use crate::servers::Server;

const BYTES_PER_FILE: u64 = 4 << 20;
const APART: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_mins(10);

pub(crate) async fn measure(report: &mut Report, megabytes: u64, rounds: usize) -> Result<()> {
    let place = Place::new();
    let claude = place.claude();
    let bytes = megabytes << 20;
    let yesterday = Timestamp::from_micros(Clock::System.now().as_micros() - MICROS_PER_DAY);
    let files = u32::try_from(bytes.div_ceil(BYTES_PER_FILE))?;
    let history = History::write(&claude.join("projects"), files, bytes, yesterday.context("a time")?, 81)?;
    let paths = Expected::files(&claude.join("projects"));
    eprintln!("  {} files, {} lines, {} bytes", paths.len(), history.lines, history.bytes);

    let (mut reading, mut grep, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.min(3) {
        plain.push(count_lines(&paths, history.lines)?.as_secs_f64());
        grep.push(grep_lines(&paths, history.lines)?.as_secs_f64());
        reading.push(read(&claude, history.expected.len())?.as_secs_f64());
    }
    let (reading, grep, plain) = (median(&mut reading), median(&mut grep), median(&mut plain));
    #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
    let speed = |seconds: f64| history.bytes as f64 / 1e6 / seconds;
    report.add("history into the outbox", speed(reading), "MB per second of processor time", Aim::None);
    report.add("history into the outbox / `grep -c`", grep / reading, "×", Aim::AtLeast(0.25));
    report.add("history into the outbox / a plain count of newlines", plain / reading, "×", Aim::None);
    whole_way(report, place, &history).await
}

/// The real programs: a monitor that reads all of it, and a fresh line now and then.
async fn whole_way(report: &mut Report, place: Place, history: &History) -> Result<()> {
    let server = Server::start_in(place);
    let database = server.place.database();
    let mut viewer = Viewer::open(server.address(), TOKEN, "").await;
    // a number that no session of the history has: its calls would count as copies
    let mut session = Session::new(u32::MAX, "shop");
    let mut file = Appender::open(&session.path(&server.place.claude()));
    let monitor = server.place.start_monitor(&[("VIBETEA_SESSION_SILENCE_SECS", "31536000")]);
    file.line(&session.next_line(Clock::System.now()).text);
    viewer.next(DEADLINE).await;
    viewer.next(DEADLINE).await;
    let expected = history.expected.len() as u64;
    let mut times = Vec::new();
    while stored::count(&database) < expected {
        tokio::time::sleep(APART).await;
        let line = session.next_line(Clock::System.now()).text;
        let start = Instant::now();
        file.line(&line);
        viewer.next(DEADLINE).await;
        times.push(millis(start.elapsed()));
        ensure!(monitor.resident_bytes() != Some(0), "the monitor ended: {}", monitor.stderr());
    }
    let lines = times.len();
    report.add(
        format!("line appended while history is read to event in a socket, p50 of {lines}"),
        quantile(&mut times, 0.5),
        "ms",
        Aim::AtMost(50.0),
    );
    report.add("the same, p99", quantile(&mut times, 0.99), "ms", Aim::None);
    report.add(
        format!("monitor, most while {} MB of history are read", history.bytes / 1_000_000),
        peak(&monitor)?,
        "MB",
        Aim::AtMost(60.0),
    );
    Ok(())
}

/// Reads everything into an empty outbox that is large enough; processor time of the reader's thread.
fn read(claude: &Path, expected: usize) -> Result<Duration> {
    let state = tempfile::tempdir()?;
    let outbox = Outbox::open_with_cap(state.path(), &Clock::System, u64::MAX)?;
    let config = ReaderConfig { history_limit: u64::MAX, ..ReaderConfig::new(claude.to_owned()) };
    let silence = Duration::from_hours(24 * 365);
    let interpreter = Interpreter::new(Policy::default(), Identity::new(&[7; 32], &source()), silence);
    let stop = CancellationToken::new();
    let config = ReaderConfig { silence, ..config };
    let reader = spawn_reader(&config, outbox, interpreter, Clock::System, stop.clone())?;
    until(DEADLINE, "the history is read", || reader.progress.borrow().done.then_some(()));
    let took = thread_time("reader")?;
    let events = reader.progress.borrow().events;
    stop.cancel();
    reader.thread.join().map_err(|_| anyhow::anyhow!("the reader broke down"))??;
    ensure!(events == expected as u64, "{events} events came of {expected}");
    Ok(took)
}

/// The plainest thing that reads every byte.
fn count_lines(paths: &[PathBuf], expected: u64) -> Result<Duration> {
    let before = own_time("/proc/thread-self/schedstat")?;
    let mut block = vec![0; 1 << 18];
    let mut lines = 0;
    for path in paths {
        let mut file = File::open(path)?;
        loop {
            let read = file.read(&mut block)?;
            if read == 0 {
                break;
            }
            lines += memchr::memchr_iter(b'\n', &block[..read]).count() as u64;
        }
    }
    ensure!(lines == expected, "{lines} lines were counted of {expected}");
    Ok(own_time("/proc/thread-self/schedstat")?.saturating_sub(before))
}

/// `grep -c` over the same files; its processor time is read after its end and before it is waited for.
fn grep_lines(paths: &[PathBuf], expected: u64) -> Result<Duration> {
    let mut child = Command::new("grep")
        .args(["-c", "-h", ""])
        .args(paths)
        .env("LC_ALL", "C")
        .stdout(Stdio::piped())
        .spawn()
        .context("`grep` cannot be started")?;
    let mut counts = String::new();
    child.stdout.take().context("it has an output")?.read_to_string(&mut counts)?;
    let stat = format!("/proc/{}/stat", child.id());
    until(DEADLINE, "grep ends", || std::fs::read_to_string(&stat).ok()?.contains(") Z").then_some(()));
    let took = own_time(&format!("/proc/{}/schedstat", child.id()))?;
    child.wait()?;
    let lines: u64 = counts.lines().filter_map(|line| line.parse::<u64>().ok()).sum();
    ensure!(lines == expected, "grep counted {lines} lines of {expected}");
    Ok(took)
}

/// Processor time of the thread with this name.
fn thread_time(name: &str) -> Result<Duration> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == name {
            return own_time(&task.join("schedstat").to_string_lossy());
        }
    }
    anyhow::bail!("there is no thread `{name}`")
}

/// The first number of a `schedstat`: nanoseconds on the processor.
fn own_time(file: &str) -> Result<Duration> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Ok(Duration::from_nanos(nanos.with_context(|| format!("{file} tells no time"))?))
}
