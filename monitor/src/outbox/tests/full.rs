//! There is no room for what is to be kept.

use super::small_reader::{Bug, contradictions, open_with, read_to, saved_offset};
use super::*;

/// Reads until the store takes no more, and makes room; what is wrong before and after.
fn fill(bug: Option<Bug>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open_with(folder.path(), bug).unwrap();
    let limit = |pages: u32| outbox.connection().pragma_update(None, "max_page_count", pages).unwrap();
    let pages: u32 = outbox.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    limit(pages + 8);
    let mut line = 0;
    let error = loop {
        match read_to(&outbox, line + 1, bug) {
            Ok(()) => line += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, OutboxError::Full), "{error}");
    assert!(line > 50, "{line}");
    let mut wrong = contradictions(&outbox, &BTreeSet::new());
    limit(pages + 1000);
    if bug.is_none() {
        assert_eq!(saved_offset(&outbox).unwrap(), line, "the offset stays where it was");
    }
    read_to(&outbox, line + 100, bug).unwrap();
    wrong.extend(contradictions(&outbox, &BTreeSet::new()));
    wrong
}

#[test]
fn nothing_is_kept_in_part_when_the_disk_is_full_and_reading_goes_on_with_room() {
    assert_eq!(fill(None), [] as [&str; 0]);
}

#[test]
fn a_position_that_is_kept_without_room_for_its_events_is_seen_by_the_check() {
    assert!(!fill(Some(Bug::PositionFirst)).is_empty());
}
