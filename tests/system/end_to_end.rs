//! One command, real transcripts, every event once; then what is typed now, at once.

use std::path::PathBuf;

use vibetea_tests::oracle::{Expected, Natural};
use vibetea_tests::place::real_transcripts;

/// The real transcripts, or a word that they are not here.
fn real_or_say() -> Option<PathBuf> {
    let found = real_transcripts();
    if found.is_none() {
        eprintln!("skipped: no real transcripts in ../shared/transcripts");
    }
    found
}

#[test]
fn the_oracle_counts_real_transcripts_as_people_did() {
    let Some(real) = real_or_say() else { return };
    let expected = Expected::read(&real.join("projects"));
    assert_eq!(expected.count(|natural| matches!(natural, Natural::ToolStarted(_))), 235);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::ToolCompleted(_))), 233);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::SessionStarted(_))), 11);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::Error(_))), 9);
    assert_eq!(expected.count(|natural| matches!(natural, Natural::Activity(_))), 45);
}
