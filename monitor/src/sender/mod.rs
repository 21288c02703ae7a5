//! Ships what waits in the outbox: one task for each destination, which never wait for each other.
//!
//! An event leaves the outbox only after the destination has said that it has it. Knows the outbox and the wire,
//! nothing of transcripts.

mod answer;
mod ask;
mod backoff;
mod courier;
mod http;
mod missing;
mod probe;
mod queue;
mod record;
mod report;
mod round;
mod rules;
#[cfg(test)]
mod tests;
mod trigger;
mod wire;

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use vibetea_protocol::Clock;
use vibetea_protocol::event_type::TypeField;
use vibetea_protocol::limits::MAX_BATCH_EVENTS;

use crate::audit::AuditLog;
use crate::config::Shipping;
use crate::keys::CurrentKey;
use crate::outbox::{Destination, Outbox, OutboxError};
pub use ask::{AskError, Told, ask};
use courier::Courier;
use http::Poster;
pub use http::{ClientError, Signer, is_loopback};
pub use probe::{Probed, probe};
use queue::Queue;
use record::Recorder;
use rules::Rules;
use trigger::Pace;

/// Largest body that is sent, in bytes; servers take 1 MiB on the live route.
const MAX_BODY: usize = 900 * 1024;

/// How soon a running monitor sees what another process put back into its queue, and that its key was changed.
const LOOK_FOR_OTHERS: Duration = Duration::from_secs(2);

/// How long everything takes; shorter in tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// To a connection.
    connect: Duration,
    /// For a whole request with its answer.
    request: Duration,
    /// For the rest of an answer whose status is known.
    answer_body: Duration,
    /// The longest first wait after a fault.
    backoff_base: Duration,
    /// The longest wait after faults.
    backoff_cap: Duration,
    /// Between attempts at a destination that refuses this monitor.
    refused: Duration,
    /// Between the first two attempts that settle whether a route is really missing.
    missing_route: Duration,
    /// A route is missing after this time of nothing else, unless the server says so itself.
    missing_for: Duration,
    /// The longest wait a server may ask for.
    retry_after_cap: Duration,
    /// Batches to a server without an interval go once nothing was added for this long.
    quiet: Duration,
    /// For what waits when the monitor is stopped.
    last_flush: Duration,
    /// Between notes of the last acknowledgement for `status`.
    note_every: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
            answer_body: Duration::from_secs(2),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_mins(1),
            refused: Duration::from_secs(15),
            missing_route: Duration::from_secs(10),
            missing_for: Duration::from_mins(15),
            retry_after_cap: Duration::from_mins(5),
            quiet: Duration::from_millis(300),
            last_flush: Duration::from_secs(4),
            note_every: Duration::from_secs(10),
        }
    }
}

/// The sender cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The outbox is damaged.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// Both destinations, ready to run.
pub struct Sender {
    live: Courier<Outbox, Poster>,
    batch: Courier<Outbox, Poster>,
    outbox: Outbox,
    key: CurrentKey,
}

impl Sender {
    /// Sets up both destinations; nothing is sent yet.
    pub fn new(
        shipping: &Shipping,
        signer: &Signer,
        outbox: &Outbox,
        clock: &Clock,
    ) -> Result<Self, ClientError> {
        let log = AuditLog::new(outbox.state_dir());
        let (live, batch) = couriers(shipping, signer, outbox, &log, clock, Timing::default())?;
        Ok(Self { live, batch, outbox: outbox.clone(), key: signer.key.clone() })
    }

    /// Ships until `stop`, then what still waits as far as a few seconds allow. Fails only on a damaged outbox.
    pub async fn run(self, stop: CancellationToken) -> Result<(), SenderError> {
        let ended = tokio::try_join!(
            Box::pin(self.live.run(stop.clone())),
            Box::pin(self.batch.run(stop.clone())),
            Box::pin(look_for_others(self.outbox, self.key, stop))
        );
        ended.map(|_| ()).map_err(SenderError::from)
    }
}

/// Takes in what was put back into the queue by another process, and a key that was changed by one, until `stop`.
async fn look_for_others(
    outbox: Outbox,
    key: CurrentKey,
    stop: CancellationToken,
) -> Result<(), OutboxError> {
    loop {
        tokio::select! {
            () = sleep(LOOK_FOR_OTHERS) => {}
            () = stop.cancelled() => return Ok(()),
        }
        let (outbox, key) = (outbox.clone(), key.clone());
        let looked = tokio::task::spawn_blocking(move || {
            key.look_again();
            outbox.notice_others()
        });
        match looked.await {
            Ok(Err(error @ OutboxError::Broken(_))) => return Err(error),
            Ok(Ok(_)) => {}
            // the next look sees it as well
            Ok(Err(error)) => debug!(%error, "the outbox could not be looked at"),
            Err(gone) => return Err(OutboxError::Broken(format!("a call into it did not return: {gone}"))),
        }
    }
}

/// Of the live and of the batch destination.
type Couriers<Q> = (Courier<Q, Poster>, Courier<Q, Poster>);

fn couriers<Q: Queue>(
    shipping: &Shipping,
    signer: &Signer,
    queue: &Q,
    log: &AuditLog,
    clock: &Clock,
    timing: Timing,
) -> Result<Couriers<Q>, ClientError> {
    // what is held in memory bounds a request; when a batch is due is another matter
    let most_events = shipping.buffer_size.clamp(1, MAX_BATCH_EVENTS);
    let full = if shipping.hosted { MAX_BATCH_EVENTS } else { most_events } as u64;
    let pace =
        if shipping.hosted { Pace::Interval(shipping.batch_interval) } else { Pace::WhenQuiet(timing.quiet) };
    let poster = |url: &url::Url, type_field| {
        let client = http::client(url, shipping.ca_cert.as_deref(), timing)?;
        Poster::new(url.clone(), type_field, signer.clone(), client, timing, clock.clone())
    };
    let live = Courier::new(
        Destination::Live,
        (queue.clone(), poster(&shipping.live_url, TypeField::Type)?),
        Recorder::new(log.clone(), Destination::Live, clock.clone()),
        Rules { pace: Pace::AtOnce, most_events, clears_batch: shipping.same_origin(), ..Rules::default() },
        timing,
        clock.clone(),
    );
    let batch = Courier::new(
        Destination::Batch,
        (queue.clone(), poster(&shipping.batch_url, TypeField::EventType)?),
        Recorder::new(log.clone(), Destination::Batch, clock.clone()),
        Rules {
            pace,
            most_events,
            full,
            clears_batch: false,
            attempts: shipping.hosted.then_some((shipping.retry_limit, shipping.batch_interval)),
            may_be_missing: !shipping.hosted,
        },
        timing,
        clock.clone(),
    );
    Ok((live, batch))
}
