//! The server's file on a disk that loses its power or fails: what was acknowledged is stored. Planted bugs show that
//! the same checks see a server that does not wait for its disk.

mod cut;
mod failing;
mod order;
mod site;

use cut::{Lie, cut_power};
use vibetea_testkit::lack::can_trace;

use crate::crash::is_soak;

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    let rounds = if is_soak() { 60 } else { 5 };
    cut_power(rounds, None).unwrap_or(Ok(())).unwrap_or_else(|what| panic!("{what}"));
}

/// What the check says of a server with the planted bug.
fn seen(lie: Lie) -> Option<String> {
    let outcome = can_trace().then(|| cut_power(8, Some(lie)))??;
    Some(outcome.expect_err("acknowledged events were lost"))
}

#[test]
fn a_server_that_does_not_wait_for_the_disk_is_seen_by_the_check() {
    let Some(what) = seen(Lie::Everywhere) else { return };
    assert!(what.contains("are lost"), "{what}");
}

#[test]
fn a_log_that_is_moved_without_waiting_for_the_disk_is_seen_by_the_check() {
    let Some(what) = seen(Lie::InTheDatabase) else { return };
    // half a move is no database any more, or one that contradicts itself
    assert!(what.starts_with("round "), "{what}");
}
