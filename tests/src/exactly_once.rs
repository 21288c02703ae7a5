//! The one check of every crash test: each expected id is stored once, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How the stored ids differ from the expected ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Expected and not stored.
    pub lost: Vec<String>,
    /// Stored more than once.
    pub repeated: Vec<String>,
    /// Stored and not expected.
    pub foreign: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, ids) in [("lost", &self.lost), ("repeated", &self.repeated), ("foreign", &self.foreign)] {
            let some: Vec<&str> = ids.iter().take(3).map(String::as_str).collect();
            write!(f, "{} {what} {some:?}; ", ids.len())?;
        }
        Ok(())
    }
}

/// Compares; `Ok` means exactly once.
pub fn compare(expected: &BTreeSet<String>, stored: &[String]) -> Result<(), Difference> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in stored {
        *counts.entry(id).or_default() += 1;
    }
    let difference = Difference {
        lost: expected.iter().filter(|id| !counts.contains_key(id.as_str())).cloned().collect(),
        repeated: counts.iter().filter(|(_, count)| **count > 1).map(|(id, _)| (*id).to_owned()).collect(),
        foreign: counts.keys().filter(|id| !expected.contains(**id)).map(|id| (*id).to_owned()).collect(),
    };
    if difference == Difference::default() { Ok(()) } else { Err(difference) }
}
