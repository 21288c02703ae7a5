//! How long to wait after a failure.

use std::time::Duration;

/// Waits that double with each failure up to a cap, each drawn between almost nothing and the whole ("full jitter"),
/// so that many monitors do not come back at the same moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    /// The longest first wait.
    pub(super) base: Duration,
    /// The longest wait of all.
    pub(super) cap: Duration,
}

impl Backoff {
    /// The wait after `failures` in a row; `random` is any number, evenly spread. Never less than a tenth of the
    /// base, so that no luck makes a busy loop.
    pub(super) fn wait(&self, failures: u32, random: u64) -> Duration {
        let longest = self.base.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.cap);
        // 53 bits fill the fraction of a double
        #[expect(clippy::cast_precision_loss, reason = "the number has 53 bits")]
        let fraction = (random >> 11) as f64 / (1u64 << 53) as f64;
        longest.mul_f64(fraction).max(self.base / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) };

    #[test]
    fn waits_double_up_to_the_cap_and_never_stop() {
        let longest = |failures| BACKOFF.wait(failures, u64::MAX).as_secs_f64();
        for (failures, seconds) in
            [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (1000, 60.0), (u32::MAX, 60.0)]
        {
            assert!((longest(failures) - seconds).abs() < 0.001, "{failures}");
        }
    }

    #[test]
    fn waits_are_spread_over_the_whole_and_never_nothing() {
        assert_eq!(BACKOFF.wait(1, 0), Duration::from_millis(100));
        assert_eq!(BACKOFF.wait(5, 0), Duration::from_millis(100));
        assert!((BACKOFF.wait(5, u64::MAX / 2).as_secs_f64() - 8.0).abs() < 0.001);
    }
}
