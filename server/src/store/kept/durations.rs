//! Histograms of durations on a logarithmic scale: exact below 16 ms, sixteen buckets per doubling above, so that
//! the middle of a bucket is within 3.2 % of everything in it.

use std::collections::BTreeMap;

/// Buckets per doubling, and values that have a bucket of their own.
const STEPS: u64 = 16;
/// Longer durations count as this one: some 34 years.
const LONGEST: u64 = (1 << 40) - 1;

/// How often which duration was seen: small where few were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Durations(BTreeMap<u64, i64>);

impl Durations {
    pub(in crate::store) fn add(&mut self, millis: u64, count: i64) {
        *self.0.entry(bucket(millis)).or_default() += count;
    }

    pub(in crate::store) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// Pairs of bucket (as distance from the one before) and count, in groups of seven bits.
    pub(in crate::store) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 2);
        let mut before = 0;
        for (bucket, count) in self.0.iter().filter(|(_, count)| **count != 0) {
            write(&mut bytes, bucket - before);
            write(&mut bytes, count.unsigned_abs());
            before = *bucket;
        }
        bytes
    }

    /// The sum of two histograms as they are kept.
    pub(in crate::store) fn merged(kept: &[u8], new: &[u8]) -> Vec<u8> {
        let mut sum = Self::default();
        sum.add_encoded(kept);
        sum.add_encoded(new);
        sum.encode()
    }

    /// Adds what was encoded; what cannot be read adds nothing.
    fn add_encoded(&mut self, bytes: &[u8]) {
        decode(bytes, |bucket, count| {
            let sum = self.0.entry(bucket).or_default();
            *sum = sum.saturating_add(count);
        });
    }
}

/// The sum of many: a place for each bucket, so that adding is cheap.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct DurationSums(Vec<i64>);

impl DurationSums {
    pub(in crate::store) fn add(&mut self, durations: &Durations) {
        durations.0.iter().for_each(|(bucket, count)| self.add_bucket(*bucket, *count));
    }

    /// Adds what was encoded; what cannot be read adds nothing.
    pub(in crate::store) fn add_encoded(&mut self, bytes: &[u8]) {
        decode(bytes, |bucket, count| self.add_bucket(bucket, count));
    }

    pub(in crate::store) fn merge(&mut self, other: &Self) {
        (0..).zip(&other.0).for_each(|(bucket, count)| self.add_bucket(bucket, *count));
    }

    fn add_bucket(&mut self, bucket: u64, count: i64) {
        let place = usize::try_from(bucket.min(self::bucket(LONGEST))).unwrap_or_default();
        if place >= self.0.len() {
            self.0.resize(place + 1, 0);
        }
        self.0[place] = self.0[place].saturating_add(count);
    }

    /// The duration that this share, in percent, of all does not exceed: the nearest rank.
    pub(in crate::store) fn quantile(&self, percent: i64) -> Option<u64> {
        let total = self.0.iter().fold(0_i64, |sum, count| sum.saturating_add(*count));
        let rank = (total.saturating_mul(percent).saturating_add(99) / 100).max(1);
        let mut seen = 0_i64;
        let found = (0..).zip(&self.0).find(|(_, count)| {
            seen = seen.saturating_add(**count);
            seen >= rank
        });
        found.map(|(bucket, _)| middle(bucket))
    }
}

/// Tells each bucket and its count, as far as the bytes can be read.
fn decode(mut bytes: &[u8], mut tell: impl FnMut(u64, i64)) {
    let mut bucket = 0_u64;
    while let (Some(distance), Some(count)) = (read(&mut bytes), read(&mut bytes)) {
        bucket = bucket.saturating_add(distance);
        tell(bucket, i64::try_from(count).unwrap_or(i64::MAX));
    }
}

fn bucket(millis: u64) -> u64 {
    let millis = millis.min(LONGEST);
    if millis < STEPS {
        return millis;
    }
    let doublings = u64::from(millis.ilog2()) - 4;
    STEPS * (doublings + 1) + ((millis >> doublings) - STEPS)
}

fn middle(bucket: u64) -> u64 {
    if bucket < STEPS {
        return bucket;
    }
    let doublings = (bucket / STEPS - 1).min(36);
    let start = (STEPS + bucket % STEPS) << doublings;
    start + ((1 << doublings) - 1) / 2
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_are_within_5_percent_of_the_nearest_rank(
            mut millis in prop::collection::vec(prop_oneof![0..50_u64, 0..100_000_u64, 0..1_u64 << 40], 1..200),
            split in any::<prop::sample::Index>(),
        ) {
            let mut parts = [Durations::default(), Durations::default()];
            let at = split.index(millis.len());
            for (index, value) in millis.iter().enumerate() {
                parts[usize::from(index >= at)].add(*value, 1);
            }
            let (mut together, mut sum) = (Durations::default(), DurationSums::default());
            for part in &parts {
                together.add_encoded(&part.encode());
                sum.add_encoded(&part.encode());
            }
            let mut merged = parts[0].clone();
            merged.merge(&parts[1]);
            prop_assert_eq!(&merged, &together);
            let mut sums = [DurationSums::default(), DurationSums::default()];
            sums.iter_mut().zip(&parts).for_each(|(sum, part)| sum.add(part));
            let [mut first, second] = sums;
            first.merge(&second);
            prop_assert_eq!(&first.0, &sum.0);
            millis.sort_unstable();
            for percent in [50, 95] {
                let rank = (millis.len() * percent).div_ceil(100).max(1);
                let exact = millis[rank - 1];
                let told = sum.quantile(i64::try_from(percent).unwrap()).unwrap();
                prop_assert!(told.abs_diff(exact) * 20 <= exact, "{told} for {exact}");
            }
        }

        #[test]
        fn whatever_bytes_are_kept_reading_them_ends(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut sum = DurationSums::default();
            sum.add_encoded(&bytes);
            let _ = sum.quantile(50);
        }
    }

    #[test]
    fn counts_beyond_all_numbers_have_a_median() {
        let mut sum = DurationSums::default();
        sum.add_bucket(1, i64::MAX);
        sum.add_bucket(2, i64::MAX);
        assert_eq!(sum.quantile(50), Some(1));
    }

    #[test]
    fn no_duration_is_too_long_and_none_has_no_median() {
        assert_eq!(DurationSums::default().quantile(50), None);
        let (mut one, mut durations) = (Durations::default(), DurationSums::default());
        one.add(u64::MAX, 1);
        durations.add(&one);
        assert!(durations.quantile(50).unwrap().abs_diff(LONGEST) * 20 <= LONGEST);
    }
}
