//! What the system tells of this process.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use vibetea_protocol::Timestamp;

/// Seconds since 1970, as Prometheus tells moments.
pub(super) fn seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this century have 51 bits")]
    let micros = at.as_micros() as f64;
    micros / 1_000_000.0
}

/// Asked at every scrape; what the system does not tell is left out.
#[derive(Debug)]
pub(super) struct Process {
    started: Timestamp,
}

impl Process {
    pub(super) const fn started(started: Timestamp) -> Self {
        Self { started }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauge = MetricType::Gauge;
        let (name, help) = ("process_start_time", "When the server started");
        let told = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), gauge)?;
        ConstGauge::new(seconds(self.started)).encode(told)?;
        if let Some(bytes) = resident_bytes() {
            let (name, help) = ("process_resident_memory", "Memory that the process holds");
            let told = encoder.encode_descriptor(name, help, Some(&Unit::Bytes), gauge)?;
            ConstGauge::new(bytes).encode(told)?;
        }
        if let Some(open) = open_descriptors() {
            let told = encoder.encode_descriptor("process_open_fds", "Open file descriptors", None, gauge)?;
            ConstGauge::new(open).encode(told)?;
        }
        Ok(())
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn open_descriptors() -> Option<u64> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // the listing itself is one of them
    u64::try_from(open.saturating_sub(1)).ok()
}
