//! What an import did not take, told by name up to a bound.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most that are named.
const NAMED: usize = 20;
/// Longest piece of a name that is shown, in characters.
const SHOWN: usize = 64;

/// Rows that are no valid events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    count: u64,
    named: Vec<String>,
}

impl Refused {
    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn add(&mut self, id: &str, what: &str) {
        self.count += 1;
        if self.named.len() < NAMED {
            let shown: String = id.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            let more = if id.chars().count() > SHOWN { "…" } else { "" };
            self.named.push(format!("the row with the id '{shown}{more}' {what}"));
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        self.named.extend(other.named);
        self.named.truncate(NAMED);
    }
}

impl fmt::Display for Refused {
    /// One line for each that is named, and one for the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.named {
            writeln!(f, "refused: {name}")?;
        }
        match self.count.saturating_sub(self.named.len() as u64) {
            0 => Ok(()),
            more => writeln!(f, "refused: {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_are_named() {
        let mut refused = Refused::default();
        for number in 0..15 {
            refused.add(&number.to_string(), "is none");
        }
        let mut more = Refused::default();
        for number in 15..40 {
            more.add(&format!("{number}\n{}", "x".repeat(100)), "is none");
        }
        refused.append(more);
        assert_eq!(refused.count(), 40);
        let told = refused.to_string();
        assert_eq!(told.lines().count(), 21, "{told}");
        assert!(told.starts_with("refused: the row with the id '0' is none\n"), "{told}");
        assert!(told.contains(&format!("'19{}…' is none", "x".repeat(62))), "{told}");
        assert!(told.ends_with("refused: 20 more\n"), "{told}");
    }
}
