//! The disk fails at one system call: nothing counts as kept or sent that is not on it, and work goes on.

use vibetea_testkit::lack::can_trace;

use super::small_reader::Bug;
use super::writer::{check, run};
use super::*;

const LINES: u64 = 12;

/// Which calls fail, and how.
const FAULTS: [(&str, &str); 2] = [("fsync,fdatasync", "EIO"), ("pwrite64", "ENOSPC")];

/// Lets the `nth` of these calls on the store's log fail. Whether there was such a call, and what the check says.
fn fail_once(calls: &str, error: &str, nth: u32, bug: Option<Bug>) -> (bool, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("state");
    // the file has to be there for its path to be known
    drop(open(&store));
    let (log, trace) = (store.join("outbox.db-wal"), folder.path().join("trace"));
    let mut wrap = vec!["strace".to_owned(), "-f".to_owned(), "-qq".to_owned()];
    wrap.extend(["-o".to_owned(), trace.display().to_string(), "-P".to_owned(), log.display().to_string()]);
    wrap.extend(["-e".to_owned(), format!("trace={calls}")]);
    wrap.extend(["-e".to_owned(), format!("inject={calls}:error={error}:when={nth}")]);
    let mut delivered = BTreeSet::new();
    let said = run(&wrap, &store, bug, LINES, |_| {});
    let hit = std::fs::read_to_string(&trace).unwrap().contains("(INJECTED)");
    let mut checked = check(&store, &said, &mut delivered);
    if checked.is_ok() && !said.finished {
        // it gave up, which is allowed: the next start goes on
        let said = run(&[], &store, None, LINES, |_| {});
        checked = check(&store, &said, &mut delivered);
    }
    (hit, checked)
}

/// Every call in turn until a run has none left to fail, or the first few; how many were failed.
fn sweep(bug: Option<Bug>) -> Result<u32, String> {
    let most = if is_soak() { u32::MAX } else { 5 };
    let mut failed = 0;
    for (calls, error) in FAULTS {
        for nth in 1..=most {
            let (hit, checked) = fail_once(calls, error, nth, bug);
            checked.map_err(|what| format!("{error} of {calls} number {nth}: {what}"))?;
            if !hit {
                break;
            }
            failed += 1;
        }
    }
    Ok(failed)
}

#[test]
fn a_failing_disk_loses_nothing_that_was_kept() {
    if !can_trace() {
        return;
    }
    let failed = sweep(None).unwrap_or_else(|what| panic!("{what}"));
    println!("{failed} calls were failed");
    assert!(failed >= 8, "{failed} calls were failed");
}

#[test]
fn a_position_that_is_kept_although_its_events_are_not_is_seen_by_the_check() {
    if !can_trace() {
        return;
    }
    let what = sweep(Some(Bug::PositionFirst)).unwrap_err();
    assert!(what.contains("gave nothing"), "{what}");
}
