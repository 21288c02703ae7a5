//! Ships what waits in the outbox: one task for each destination, which never wait for each other.
//!
//! An event leaves the outbox only after the destination has said that it has it. Knows the outbox and the wire,
//! nothing of transcripts.

mod answer;
mod backoff;
mod courier;
mod http;
mod probe;
mod queue;
mod report;
mod round;
#[cfg(test)]
mod tests;
mod trigger;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vibetea_protocol::Clock;
use vibetea_protocol::event::TypeField;
use vibetea_protocol::limits::MAX_BATCH_EVENTS;

use crate::config::Shipping;
use crate::outbox::{Destination, Outbox, OutboxError};
use courier::{Courier, Rules};
use http::Poster;
pub use http::{ClientError, Signer};
pub use probe::{Probed, probe};
use queue::Queue;
use trigger::Pace;

/// Largest body that is sent, in bytes; servers take 1 MiB on the live route.
const MAX_BODY: usize = 900 * 1024;

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
    /// Between attempts that settle whether a route is really missing.
    missing_route: Duration,
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
    live: Courier<Outbox>,
    batch: Courier<Outbox>,
}

impl Sender {
    /// Sets up both destinations; nothing is sent yet.
    pub fn new(
        shipping: &Shipping,
        signer: &Signer,
        outbox: &Outbox,
        clock: &Clock,
    ) -> Result<Self, ClientError> {
        let (live, batch) = couriers(shipping, signer, outbox, clock, Timing::default())?;
        Ok(Self { live, batch })
    }

    /// Ships until `stop`, then what still waits as far as a few seconds allow. Fails only on a damaged outbox.
    pub async fn run(self, stop: CancellationToken) -> Result<(), SenderError> {
        tokio::try_join!(Box::pin(self.live.run(stop.clone())), Box::pin(self.batch.run(stop)))?;
        Ok(())
    }
}

fn couriers<Q: Queue>(
    shipping: &Shipping,
    signer: &Signer,
    queue: &Q,
    clock: &Clock,
    timing: Timing,
) -> Result<(Courier<Q>, Courier<Q>), ClientError> {
    let most_events = shipping.buffer_size.clamp(1, MAX_BATCH_EVENTS);
    let pace =
        if shipping.hosted { Pace::Interval(shipping.batch_interval) } else { Pace::WhenQuiet(timing.quiet) };
    let poster = |url: &url::Url, type_field| {
        Poster::new(url.clone(), type_field, signer.clone(), timing, clock.clone())
    };
    let live = Courier::new(
        Destination::Live,
        queue.clone(),
        poster(&shipping.live_url, TypeField::Type)?,
        Rules { pace: Pace::AtOnce, most_events, clears_batch: shipping.same_origin(), ..Rules::default() },
        timing,
        clock.clone(),
    );
    let batch = Courier::new(
        Destination::Batch,
        queue.clone(),
        poster(&shipping.batch_url, TypeField::EventType)?,
        Rules {
            pace,
            most_events,
            clears_batch: false,
            attempts: shipping.hosted.then_some((shipping.retry_limit, shipping.batch_interval)),
            may_be_missing: !shipping.hosted,
        },
        timing,
        clock.clone(),
    );
    Ok((live, batch))
}
