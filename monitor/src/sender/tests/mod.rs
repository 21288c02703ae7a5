//! The sender against a real socket and a real outbox.

mod broken;
mod faults;
mod pace;
mod patience;
mod poison;
mod record;
mod refusals;
mod server;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use vibetea_protocol::{Clock, Timestamp};

use super::queue::Queue;
use super::{Signer, Timing, couriers};
use crate::audit::AuditLog;
use crate::config::Shipping;
use crate::outbox::{Destination, Needs, Outbox, OutboxError, StatusSnapshot};
use server::Server;

const PAYLOAD: &str = r#"{"sessionId":"00000000-0000-4000-8000-000000000000"}"#;

/// Waits some hundred times shorter than in life; time limits that a slow machine does not meet, where no test is about
/// them.
fn timing() -> Timing {
    Timing {
        connect: Duration::from_secs(20),
        request: Duration::from_mins(1),
        answer_body: Duration::from_millis(100),
        backoff_base: Duration::from_millis(4),
        backoff_cap: Duration::from_millis(30),
        refused: Duration::from_millis(30),
        missing_route: Duration::from_millis(5),
        missing_for: Duration::from_millis(100),
        retry_after_cap: Duration::from_millis(400),
        quiet: Duration::from_millis(30),
        last_flush: Duration::from_secs(10),
        note_every: Duration::from_millis(50),
    }
}

/// The long form is asked for by `cargo xtask soak`.
fn is_soak() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the one switch of the tests")]
    std::env::var_os("VIBETEA_SOAK").is_some()
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn now() -> Timestamp {
    "2026-02-03T14:30:00Z".parse().unwrap()
}

/// An outbox on a disk of its own.
struct Disk {
    outbox: Outbox,
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { outbox: Outbox::open(folder.path(), &Clock::System).unwrap(), folder }
    }

    fn with(count: u64, needs: Needs) -> Self {
        let disk = Self::new();
        disk.put(0..count, needs);
        disk
    }

    fn put(&self, numbers: std::ops::Range<u64>, needs: Needs) {
        for number in numbers {
            assert!(self.outbox.put(number, PAYLOAD, needs).unwrap());
        }
    }

    fn waiting(&self, destination: Destination) -> u64 {
        self.outbox.depth(destination).unwrap()
    }

    fn status(&self) -> StatusSnapshot {
        Outbox::status(self.folder.path()).unwrap()
    }
}

/// Where a test's events go; no more than a test needs to say.
struct Plan {
    live: String,
    hosted: Option<String>,
    interval: Duration,
    retry_limit: u32,
    buffer_size: usize,
    timing: Timing,
    clock: Clock,
    log: AuditLog,
    log_folder: tempfile::TempDir,
}

impl Plan {
    fn to(server: &Server) -> Self {
        let log_folder = tempfile::tempdir().unwrap();
        Self {
            log: AuditLog::new(log_folder.path()),
            log_folder,
            live: server.url(),
            hosted: None,
            interval: Duration::from_mins(1),
            retry_limit: 3,
            buffer_size: 1000,
            timing: timing(),
            clock: Clock::System,
        }
    }

    fn shipping(&self) -> Shipping {
        let base = self.hosted.as_ref().unwrap_or(&self.live);
        Shipping {
            live_url: Url::parse(&format!("{}/events", self.live)).unwrap(),
            batch_url: Url::parse(&format!("{base}/ingest")).unwrap(),
            hosted: self.hosted.is_some(),
            batch_interval: self.interval,
            retry_limit: self.retry_limit,
            buffer_size: self.buffer_size,
            ca_cert: None,
        }
    }

    fn start<Q: Queue + Sync>(&self, queue: &Q) -> Running {
        let signer = Signer { key: key().into(), source: "test-source".parse().unwrap() };
        let (live, batch) =
            couriers(&self.shipping(), &signer, queue, &self.log, &self.clock, self.timing).unwrap();
        let stop = CancellationToken::new();
        let (live_stop, batch_stop) = (stop.clone(), stop.clone());
        let task =
            tokio::spawn(
                async move { tokio::try_join!(live.run(live_stop), batch.run(batch_stop)).map(|_| ()) },
            );
        Running { stop, task: Some(task) }
    }
}

struct Running {
    stop: CancellationToken,
    task: Option<JoinHandle<Result<(), OutboxError>>>,
}

impl Running {
    /// Stops the sender and says how long that took.
    async fn stop(mut self) -> Duration {
        let began = Instant::now();
        self.stop.cancel();
        self.task.take().unwrap().await.unwrap().unwrap();
        began.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Waits until something is so, and fails the test with its name when that takes too long.
async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let patience = if is_soak() { Duration::from_mins(10) } else { Duration::from_mins(1) };
    let deadline = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < deadline, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
