//! Chance that can be repeated: a failing run prints its seed.

/// A small generator (xorshift64*); good enough to pick instants, no more.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// With a seed of the machine's.
    pub fn new() -> Self {
        let seed = getrandom::u64().expect("the machine has random bytes") | 1;
        eprintln!("seed {seed}");
        Self::from_seed(seed)
    }

    /// With a seed that was printed.
    pub const fn from_seed(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Any number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % limit.max(1)
    }

    /// Any of these.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let limit = u64::try_from(items.len()).unwrap_or(u64::MAX);
        &items[usize::try_from(self.below(limit)).unwrap_or(0)]
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}
