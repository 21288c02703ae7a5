//! The disk fails at one call on the log: what is acknowledged is stored, what is not is refused, and the server goes on
//! or ends and can be started again.

use std::collections::BTreeSet;

use vibetea_testkit::lack::can_trace;
use vibetea_tests::wait::until_so;

use super::site::{LONG, Site};
use crate::crash::is_soak;

const BATCHES: u64 = 6;

/// Lets the `nth` of these calls on the log go wrong in each thread; whether there was such a call, and what the check
/// says.
fn fail_once(calls: &str, fault: &str, nth: u32) -> (bool, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on(folder.path().join("data"));
    site.make_store();
    let trace = site.home().join("trace");
    let (log, trace_path) = (site.log().display().to_string(), trace.display().to_string());
    let trace_calls = format!("trace={calls}");
    let inject = format!("inject={calls}:{fault}:when={nth}");
    // the tracer is a grandchild, so that the process here is the server itself
    let wrapper =
        ["strace", "-D", "-f", "-qq", "-o", &trace_path, "-P", &log, "-e", &trace_calls, "-e", &inject];
    let has_hit = || std::fs::read_to_string(&trace).unwrap_or_default().contains("(INJECTED)");
    let mut acknowledged = BTreeSet::new();
    // one that ends at its start has said why
    let (mut hit_at_start, mut refused) = (true, 0);
    if let Ok(mut server) = site.start_under(&wrapper) {
        hit_at_start = has_hit();
        for batch in 0..BATCHES {
            let path = if batch.is_multiple_of(2) { "/ingest" } else { "/events" };
            let numbers = batch * 20..batch * 20 + 20;
            // the fault is over with the call, so the same batch is taken in the end
            until_so(LONG, "the batch is taken or the server ends", || {
                match site.post(path, numbers.clone()).map(|answer| answer.status) {
                    Some(200..300) => acknowledged.extend(numbers.clone()),
                    Some(500..600) => {
                        refused += 1;
                        return false;
                    }
                    None if server.ended().is_some() => refused += 1,
                    // its connections end before it can be waited for
                    None => return false,
                    other => panic!("{fault} of {calls} number {nth} is answered with {other:?}"),
                }
                true
            });
        }
        server.kill();
    }
    let mut judged = site.start().and_then(|_again| site.judge(&acknowledged));
    // what the disk did not take is still in this kernel's memory, so that this alone tells a lie
    if has_hit() && !hit_at_start && refused == 0 {
        judged = judged.and(Err("no batch was refused".to_owned()));
    }
    (has_hit(), judged.map_err(|what| format!("{fault} of {calls} number {nth}: {what}")))
}

/// Every call in turn until a run has none left to fail, or the first few; how many went wrong.
fn sweep(calls: &str, fault: &str) -> Result<u32, String> {
    let most = if is_soak() { u32::MAX } else { 4 };
    for nth in 1..=most {
        let (hit, checked) = fail_once(calls, fault, nth);
        checked?;
        if !hit {
            return Ok(nth - 1);
        }
    }
    Ok(most)
}

#[test]
fn a_sync_that_fails_acknowledges_nothing_that_is_not_stored() {
    if !can_trace() {
        return;
    }
    let failed = sweep("fsync,fdatasync", "error=EIO").unwrap_or_else(|what| panic!("{what}"));
    assert!(failed >= 4, "{failed} calls were failed");
}

#[test]
fn a_write_without_room_acknowledges_nothing_that_is_not_stored() {
    if !can_trace() {
        return;
    }
    let failed = sweep("pwrite64", "error=ENOSPC").unwrap_or_else(|what| panic!("{what}"));
    assert!(failed >= 4, "{failed} calls were failed");
}

/// Planted bug: the server does not hear that a sync did nothing.
#[test]
fn a_sync_whose_failure_nobody_hears_of_is_seen_by_the_check() {
    if !can_trace() {
        return;
    }
    let what = sweep("fsync,fdatasync", "retval=0").unwrap_err();
    assert!(what.contains("no batch was refused"), "{what}");
}
