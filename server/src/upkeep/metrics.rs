//! What `/metrics` tells of retention and copies.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Figures of retention and of copies.
#[derive(Debug, Clone, Default)]
pub struct UpkeepMetrics {
    /// Events that were deleted for their age.
    pub forgotten: Counter,
    /// Rounds of retention that failed.
    pub retention_failures: Counter,
    /// Copies that were made.
    pub backups: Counter,
    /// Copies that could not be made.
    pub backup_failures: Counter,
    /// When the newest copy was begun, seconds since 1970; 0 before the first.
    pub backup_time: Gauge,
    /// Size of the newest copy.
    pub backup_bytes: Gauge,
}

impl UpkeepMetrics {
    /// Puts them among the others.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("forgotten_events", "Events deleted for their age", self.forgotten.clone());
        registry.register(
            "retention_failures",
            "Rounds of retention that failed",
            self.retention_failures.clone(),
        );
        registry.register("backups", "Copies of the store that were made", self.backups.clone());
        registry.register(
            "backup_failures",
            "Copies of the store that could not be made",
            self.backup_failures.clone(),
        );
        registry.register_with_unit(
            "backup_last_timestamp",
            "When the newest copy was begun, since 1970; 0 before the first",
            Unit::Seconds,
            self.backup_time.clone(),
        );
        registry.register_with_unit(
            "backup_last",
            "Size of the newest copy",
            Unit::Bytes,
            self.backup_bytes.clone(),
        );
    }
}
