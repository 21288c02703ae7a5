//! What a service manager is told (`sd_notify`): ready, stopping, and that the server still does its work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::{App, AppState};
use crate::backend::Backend;

/// Looks within the time after which the manager takes the server for dead.
const LOOKS: u32 = 4;

/// Tells the manager, where there is one, that requests are answered, and from then on what becomes of the server, in a
/// task that ends after `stop`. The manager's watchdog hears of every look at which the server was found to move, and of
/// none besides.
pub(crate) fn attend(app: &App, address: SocketAddr) -> JoinHandle<()> {
    tokio::spawn(report(Arc::clone(app), address))
}

async fn report(app: App, address: SocketAddr) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("Serving on {address}"))]);
    if let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) {
        let app = &*app;
        // half of the time for the writer, so that a slow one has its chance before the manager acts
        let look = || moves(app, limit / 2);
        watch(limit / LOOKS, &app.stop, look, || tell(&[NotifyState::Watchdog])).await;
    } else {
        app.stop.cancelled().await;
    }
    tell(&[NotifyState::Stopping, NotifyState::Status("Ending requests and storing what is queued")]);
}

/// Whether the server comes on: this task runs, and what writes events gets somewhere. A database that is away is no
/// reason to start again: what writes then moves from one failure to the next.
async fn moves(app: &AppState, within: Duration) -> bool {
    match &app.backend {
        Backend::Store(store) => store.is_moving(within).await,
        Backend::Relay(_) => true,
    }
}

/// Looks every so often until `stop`; `alive` follows each look that found the server alive.
async fn watch<F: Future<Output = bool>>(
    every: Duration,
    stop: &CancellationToken,
    is_alive: impl Fn() -> F,
    alive: impl Fn(),
) {
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_alive = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        let is_alive = tokio::select! {
            () = stop.cancelled() => return,
            is_alive = is_alive() => is_alive,
        };
        if is_alive {
            alive();
        } else if was_alive {
            tracing::error!(
                "what stores events does not move: the service manager is told no more that all is well"
            );
        }
        was_alive = is_alive;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc::sync_channel;

    use vibetea_protocol::{Clock, EventType, Timestamp};

    use super::*;
    use crate::store::{NewBatch, NewEvent, Route, SourceFilter, SqliteOptions, Store};

    const SECOND: Duration = Duration::from_secs(1);

    /// How often the manager heard that all is well, when the server stood still from the third second on.
    async fn heard<F: Future<Output = bool>>(is_alive: impl Fn(Duration) -> F) -> u32 {
        let (stop, count) = (CancellationToken::new(), Cell::new(0));
        let begun = tokio::time::Instant::now();
        let look = || is_alive(begun.elapsed());
        let watching = watch(SECOND, &stop, look, || count.set(count.get() + 1));
        // time stands still while anything runs, so the seconds pass at once and exactly
        let _ = tokio::time::timeout(SECOND.mul_f64(9.5), watching).await;
        count.get()
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_hears_of_looks_that_found_the_server_alive_alone() {
        // the twin, a timer that looks at nothing, would be heard ten times whatever happens
        assert_eq!(heard(|_| std::future::ready(true)).await, 10);
        assert_eq!(heard(|passed| std::future::ready(passed < SECOND * 3)).await, 3);
        let hangs = |passed| async move {
            if passed >= SECOND * 3 {
                std::future::pending::<()>().await;
            }
            true
        };
        assert_eq!(heard(hangs).await, 3, "a look that does not come back says nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_watch_at_once() {
        let stop = CancellationToken::new();
        stop.cancel();
        watch(SECOND, &stop, || std::future::ready(true), || {}).await;
        let stop = CancellationToken::new();
        let hanging = || {
            stop.cancel();
            std::future::pending()
        };
        watch(SECOND, &stop, hanging, || {}).await;
    }

    fn live_batch() -> NewBatch {
        let id = "evt_0123456789abcdefghij".parse().unwrap();
        let at = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        let event = NewEvent::new(id, at, EventType::Activity, (&br#"{"sessionId":"s"}"#[..]).into());
        NewBatch { source: Arc::new("laptop".parse().unwrap()), route: Route::Live, events: vec![event] }
    }

    /// A writer that hangs is seen by its standing still, and by nothing else: readers and requests go on.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_that_hangs_does_not_move() {
        let dir = tempfile::tempdir().unwrap();
        let (hangs, hung) = sync_channel::<()>(0);
        let (release, released) = sync_channel::<()>(0);
        let on_live = move |_: &[crate::store::LiveEvent]| {
            hangs.send(()).unwrap();
            let _ = released.recv();
        };
        let options = SqliteOptions::new(dir.path().join("vibetea.db"));
        let store = Store::open_sqlite(options, Clock::System, Box::new(on_live)).await.unwrap();
        let soon = Duration::from_millis(200);
        assert!(store.is_moving(soon).await, "one that idles moves when it is asked");
        let writing = tokio::spawn({
            let store = store.clone();
            async move { store.bulk_insert_events(live_batch()).await }
        });
        tokio::task::spawn_blocking(move || hung.recv().unwrap()).await.unwrap();
        // it has just noted its commit: that counts for a moment
        let stands_still = async {
            while store.is_moving(soon).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SECOND * 20, stands_still).await.expect("it hangs, and that shows");
        assert_eq!(store.totals(SourceFilter::All).await.unwrap().events, 1, "reading goes on");
        release.send(()).unwrap();
        assert_eq!(writing.await.unwrap().unwrap(), 1);
        let moves = async {
            while !store.is_moving(soon).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SECOND * 20, moves).await.expect("it moves again");
        store.close().await;
    }
}
