//! Looks at the two files now and then, and on SIGHUP at once.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{InUse, Pair};

/// How soon a new pair is in use.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the files hold, as a digest.
#[derive(Debug, PartialEq, Eq)]
struct Seen([Option<[u8; 32]>; 2]);

/// Takes in what the files of `pair` hold when it changes, until `stop`. What cannot be used is told once and changes
/// nothing: the pair before it stays.
pub(crate) async fn follow(pair: Pair, shown: std::sync::Arc<InUse>, stop: CancellationToken) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hangup = Hangup::new();
    let mut settled = seen(&pair).await;
    let mut doubted = None;
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => false,
            () = hangup.next() => true,
        };
        let now = seen(&pair).await;
        if now == settled {
            doubted = None;
            continue;
        }
        match pair.reload() {
            Ok(next) => {
                shown.replace(&next);
                tracing::info!("the TLS certificate was read anew");
                (settled, doubted) = (now, None);
            }
            // two files are seldom written in one moment: what looks the same twice is meant
            Err(error) if asked || doubted.as_ref() == Some(&now) => {
                tracing::error!(%error, "the new TLS certificate cannot be used, the one before it stays");
                (settled, doubted) = (now, None);
            }
            Err(_) => doubted = Some(now),
        }
    }
}

async fn seen(pair: &Pair) -> Seen {
    Seen([digest(pair.certificate()).await, digest(pair.key()).await])
}

/// Of the content and of who may read it; `None` where the file cannot be read.
async fn digest(path: &Path) -> Option<[u8; 32]> {
    let content = tokio::fs::read(path).await.ok()?;
    let mut digest = Sha256::new_with_prefix(content);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        digest.update(tokio::fs::metadata(path).await.ok()?.permissions().mode().to_le_bytes());
    }
    Some(digest.finalize().into())
}

/// SIGHUP, by which operators and certificate tools say that files have changed.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    fn new() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Self { signal: signal(SignalKind::hangup()).ok() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
