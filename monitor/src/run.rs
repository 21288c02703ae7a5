//! The monitor from start to end: keys, outbox, reader and sender, until it is told to stop.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use vibetea_protocol::Clock;

use crate::config::{Config, IdentityConfig};
use crate::keys::{self, CurrentKey, KeyError};
use crate::outbox::{Outbox, OutboxError};
use crate::pipeline::{Reader, ReaderConfig, ReaderError, spawn_reader};
use crate::progress;
use crate::running::{self, Running};
use crate::sender::{ClientError, Sender, SenderError, Signer};

/// The reader ends its transaction and the sender its last request within this time of `stop`.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// Why the monitor did not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No key to sign with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The state folder cannot be used, or another monitor uses it.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The reader cannot go on.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// The sender cannot go on.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// A part of the program panicked; its message is not for repeating, as it may quote what was at hand.
    #[error("a part of the monitor broke down")]
    Broken(JoinError),
}

/// Follows and ships until `stop`. What is not delivered by then stays on the disk for the next run.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), RunError> {
    let clock = Clock::System;
    let key = keys::load(&config.identity.key_dir)?;
    let IdentityConfig { key_dir, source } = &config.identity;
    let identity = keys::identity(key_dir, &key, source)?;
    let signer = Signer { key: CurrentKey::of(key_dir, key), source: source.clone() };
    let outbox = Outbox::open(&config.state_dir, &clock)?;
    let sender = Sender::new(&config.shipping, &signer, &outbox, &clock)?;
    let interpreter = config.reading.interpreter(identity);
    let reader_config = ReaderConfig {
        history: config.reading.history,
        everything_to_batch: config.shipping.hosted,
        silence: config.reading.session_silence,
        ..ReaderConfig::new(config.reading.claude_dir.clone())
    };
    // a part that ends, ends the others
    let stop = stop.child_token();
    let _stop_all = stop.clone().drop_guard();
    let reader = spawn_reader(&reader_config, outbox, interpreter, clock.clone(), stop.clone())?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        source = config.identity.source.as_str(),
        live = %config.shipping.live_url,
        batches = %config.shipping.batch_url,
        "monitor started"
    );
    let told = Running::new(&config.identity.source, &config.shipping, clock.now());
    let (progress, health) = (reader.progress.clone(), reader.health.clone());
    tokio::spawn(running::tell(told, config.state_dir, progress, health, clock));
    let result = both(reader, sender, &stop).await;
    if result.is_ok() {
        info!("monitor stopped; what was not delivered is kept");
    }
    result
}

/// Waits for both parts; the first that fails stops the other.
async fn both(reader: Reader, sender: Sender, stop: &CancellationToken) -> Result<(), RunError> {
    let Reader { thread, progress: history, health: _ } = reader;
    if io::stderr().is_terminal() {
        tokio::spawn(progress::show(history, progress::on_stderr(), stop.clone()));
    }
    let reading = {
        let joined = tokio::task::spawn_blocking(move || {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        async {
            let ended = joined.await.map_err(RunError::Broken)?;
            stop.cancel();
            Ok::<(), RunError>(ended?)
        }
    };
    let sending = async {
        let ended = sender.run(stop.clone()).await;
        stop.cancel();
        Ok::<(), RunError>(ended?)
    };
    let too_late = async {
        stop.cancelled().await;
        sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        (read, sent) = async { tokio::join!(reading, sending) } => read.and(sent),
        () = too_late => {
            warn!("stopped before everything had come to an end; what was not delivered is kept");
            Ok(())
        }
    }
}
