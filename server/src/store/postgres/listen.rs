//! Hears from the database that any server has stored something. What was missed while nobody listened is found by the
//! poll of the follower.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Executor as _;
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};
use tokio_util::sync::CancellationToken;

use super::connection::Target;
use super::follow::Looks;

const CHANNEL: &str = "vibetea_live";
/// After so long without a notification the connection has to answer: a network may have dropped it without a word.
const SILENCE: Duration = Duration::from_secs(20);
/// Between attempts to listen.
const RETRY: Duration = Duration::from_secs(1);
/// A database that does not answer keeps the server neither from stopping nor from listening on another connection.
const LEAVE: Duration = Duration::from_secs(2);

/// The database in its turn notices a server that vanished, and keeps no session for it.
const SETTINGS: &str = "SET tcp_user_timeout = '10s'; SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// Asks for a look at the stream with each notification, until it is stopped.
pub(super) async fn listen(target: Target, looks: Arc<Looks>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        // a listener takes no plain connection. Each has a pool of its own: a silent connection never comes back to its
        // pool, where the next one would wait for it
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(target.options());
        // why it ended makes no difference
        let _ = stop.run_until_cancelled(Box::pin(hear(&target, &pool, &looks))).await;
        // a connection that does not end by itself ends with the process
        let _ = tokio::time::timeout(LEAVE, pool.close()).await;
        stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
    }
}

/// Until the connection is lost.
async fn hear(target: &Target, pool: &PgPool, looks: &Looks) -> sqlx::Result<()> {
    let connecting = target.within(async {
        let mut listener = PgListener::connect_with(pool).await?;
        // by itself it would connect anew without a limit of time
        listener.eager_reconnect(false);
        listener.execute(SETTINGS).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    });
    let mut listener = connecting.await?;
    looks.ask();
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => {
                looks.ask();
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            // what is notified meanwhile waits in the listener
            Err(_) => {
                target.within(listener.execute("SELECT 1")).await?;
            }
        }
    }
}
