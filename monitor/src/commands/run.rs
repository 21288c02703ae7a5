//! `run`: until a signal.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Lookup, Settings};
use crate::{run, telemetry};

pub(super) fn execute(lookup: Lookup<'_>) -> anyhow::Result<()> {
    let settings = Settings::read(lookup);
    let config = Config::from_settings(&settings)?;
    telemetry::start(&|_| Some(settings.log().to_owned()));
    // one thread for both destinations, a few for the disk: an idle monitor is to cost next to nothing
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()?;
    let done = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = Signals::new()?;
        tokio::spawn(signals.watch(stop.clone()));
        run::run(config, stop).await.map_err(anyhow::Error::from)
    });
    // a thread that is still at the disk is not waited for: what it does is whole or not at all
    runtime.shutdown_background();
    done
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The first signal stops the monitor, the second ends the process at once.
    async fn watch(mut self, stop: CancellationToken) {
        self.next().await;
        tracing::info!("stopping: what waits is sent; a second signal ends the monitor at once");
        stop.cancel();
        let number = self.next().await;
        std::process::exit(128 + number);
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}
