//! What delivery means, as functions of what was sent and what was seen. Each is tried on a wrong sequence too.

use std::collections::HashMap;

/// Every sent item was seen once and nothing else was seen, in any order.
pub(crate) fn exactly_once(sent: &[String], seen: &[String]) -> Result<(), String> {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for item in seen {
        *counts.entry(item).or_default() += 1;
    }
    for item in sent {
        match counts.remove(item.as_str()) {
            Some(1) => {}
            Some(times) => return Err(format!("{item} was seen {times} times")),
            None => return Err(format!("{item} is missing")),
        }
    }
    counts.keys().next().map_or(Ok(()), |item| Err(format!("{item} was never sent")))
}

/// What was seen is what was expected, in this order: no gap, no repeat, nothing else.
pub(crate) fn no_gap_no_repeat(expected: &[String], seen: &[String]) -> Result<(), String> {
    exactly_once(expected, seen)?;
    match expected.iter().zip(seen).position(|(expected, seen)| expected != seen) {
        Some(at) => Err(format!("{} came at place {at}, where {} belongs", seen[at], expected[at])),
        None => Ok(()),
    }
}

mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn what_was_delivered_once_passes() {
        assert_eq!(exactly_once(&ids("abcd"), &ids("dcba")), Ok(()));
        assert_eq!(no_gap_no_repeat(&ids("abcd"), &ids("abcd")), Ok(()));
        assert_eq!(no_gap_no_repeat(&[], &[]), Ok(()));
    }

    #[test]
    fn gaps_repeats_strangers_and_wrong_order_are_caught() {
        for wrong in ["", "abc", "bcd", "acd", "abcdd", "aabcd", "abcde", "abbd"] {
            assert!(exactly_once(&ids("abcd"), &ids(wrong)).is_err(), "{wrong}");
            assert!(no_gap_no_repeat(&ids("abcd"), &ids(wrong)).is_err(), "{wrong}");
        }
        assert!(no_gap_no_repeat(&ids("abcd"), &ids("abdc")).is_err());
    }
}
