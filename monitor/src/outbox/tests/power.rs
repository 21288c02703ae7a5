//! The machine loses its power: what was written and not synced is gone.

use vibetea_testkit::Disk;

use super::small_reader::Bug;
use super::writer::{check, run};
use super::*;

/// Cuts the power of a writer again and again; what the check says, or nothing where there is no such disk.
fn cut_power(rounds: u64, bug: Option<Bug>) -> Option<Result<(), String>> {
    let disk = Disk::new(64 << 20)?;
    let store = disk.mount_point().join("state");
    let mut delivered = BTreeSet::new();
    for round in 0..rounds {
        // some lines later each time, and at whatever system call the writer is when the cut comes
        let cut_after = 1 + round * 7 % 40;
        let (mut first, mut before) = (None, 0);
        let mut said = run(&[], &store, bug, 1_000_000, |kept| {
            if kept == *first.get_or_insert(kept) + cut_after {
                before = kept;
                disk.cut();
            }
        });
        // what is said from then on does not count: without power nobody says anything, while a call that is under
        // way in this kernel can end well although its data is dropped
        said.kept = before;
        disk.come_back();
        if let Err(what) = check(&store, &said, &mut delivered) {
            return Some(Err(format!("round {round}: {what}")));
        }
    }
    Some(Ok(()))
}

#[test]
fn a_power_cut_takes_nothing_that_was_kept() {
    let rounds = if is_soak() { 100 } else { 5 };
    cut_power(rounds, None).unwrap_or(Ok(())).unwrap();
}

#[test]
fn a_store_that_does_not_wait_for_the_disk_is_seen_by_the_check() {
    let Some(outcome) = cut_power(5, Some(Bug::NoSync)) else { return };
    let what = outcome.unwrap_err();
    assert!(what.contains("was kept"), "{what}");
}
