//! What the store holds, as it was last asked.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use vibetea_protocol::EventType;

use super::process::seconds;
use crate::store::Totals;

/// What is known of the store.
#[derive(Debug, Clone)]
pub struct StoreFigures {
    /// Whether a write works.
    pub writable: bool,
    /// What it holds; none where it did not answer.
    pub totals: Option<Totals>,
}

/// The newest figures; nothing is told before there are some, as of a server without a store.
#[derive(Debug, Default)]
pub(super) struct Stored {
    newest: Mutex<Option<StoreFigures>>,
}

impl Stored {
    pub(super) fn note(&self, figures: StoreFigures) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
    }
}

impl Collector for Stored {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(StoreFigures { writable, totals }) = newest else { return Ok(()) };
        let gauge = MetricType::Gauge;
        let told =
            encoder.encode_descriptor("store_writable", "Whether a write to the store works", None, gauge)?;
        ConstGauge::new(i64::from(writable)).encode(told)?;
        let Some(totals) = totals else { return Ok(()) };
        encode_totals(&mut encoder, &totals)
    }
}

fn encode_totals(encoder: &mut DescriptorEncoder<'_>, totals: &Totals) -> fmt::Result {
    let gauge = MetricType::Gauge;
    let mut told = encoder.encode_descriptor("store_events", "Stored events by type", None, gauge)?;
    for (kind, count) in EventType::ALL.into_iter().zip(totals.by_type) {
        let labels = [("type", kind.as_str())];
        ConstGauge::new(count).encode(told.encode_family(&labels)?)?;
    }
    let told = encoder.encode_descriptor("store_sources", "Sources that have stored events", None, gauge)?;
    ConstGauge::new(totals.sources).encode(told)?;
    if let Some(newest) = totals.newest {
        let name = "store_newest_event_timestamp";
        let told =
            encoder.encode_descriptor(name, "Time of the latest event", Some(&Unit::Seconds), gauge)?;
        ConstGauge::new(seconds(newest)).encode(told)?;
    }
    Ok(())
}
