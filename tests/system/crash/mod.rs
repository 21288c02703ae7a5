//! `kill -9` at random instants while transcripts grow: every event is stored exactly once, compared with ids
//! that were computed apart. Planted bugs show that the same check sees each way of losing and of doubling.

mod catch_up;
mod emulated;
mod proxy;
mod restart;
mod storm;
mod writer;

use std::time::Duration;

use catch_up::CatchUp;
use emulated::{Bug, EmulatedMonitor};
use proxy::{Cut, Proxy, Reply};
use restart::Restarts;
use storm::{Storm, Target};
use vibetea_tests::dice::Dice;
use vibetea_tests::exactly_once::Difference;

/// The long form is asked for by `cargo xtask soak`.
pub(crate) fn is_soak() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the one switch of the tests")]
    std::env::var_os("VIBETEA_SOAK").is_some()
}

#[test]
fn kills_of_monitor_and_server_lose_nothing_and_double_nothing() {
    let calm = Storm { files: 40, lines: 10_000, ..Storm::CALM };
    let storm = if is_soak() {
        Storm { lines: 50_000, kills: 200, longest_pause: Duration::from_millis(900), ..calm }
    } else {
        Storm { kills: 35, longest_pause: Duration::from_millis(700), ..calm }
    };
    let outcome = storm.run(&[Target::Monitor, Target::Server, Target::Both]);
    outcome.unwrap_or_else(|difference| panic!("{difference}"));
}

/// Where nothing goes wrong nothing is sent twice: a server that knows events again is for what does go wrong.
#[test]
fn without_a_fault_no_event_is_sent_twice() {
    let storm = Storm { files: 8, lines: 2000, ..Storm::CALM };
    assert_eq!(storm.run(&[]).unwrap_or_else(|difference| panic!("{difference}")), 0);
}

/// A start after a kill takes no longer until it has read what came meanwhile: half of them on a busy machine.
const READS_ON_WITHIN: Duration = Duration::from_secs(2);
/// None of them takes as long on any machine.
const TOO_LATE: Duration = Duration::from_secs(20);

#[test]
fn a_killed_monitor_reads_on_within_two_seconds() {
    let (lines, kills) = if is_soak() { (50_000, 200) } else { (5_000, 15) };
    let times = Restarts { lines, kills, wrapper: &[] }.times();
    assert!(times[times.len() / 2] < READS_ON_WITHIN, "{times:?}");
    assert!(times[times.len() - 1] < TOO_LATE, "{times:?}");
}

/// Planted bug: a monitor that does something else first.
#[test]
fn a_monitor_that_dawdles_at_its_start_is_seen_by_the_check() {
    let wrapper = &["sh", "-c", "sleep 2; exec \"$@\"", "sh"];
    let times = Restarts { lines: 100, kills: 1, wrapper }.times();
    assert!(times[0] >= READS_ON_WITHIN, "{times:?}");
}

#[test]
fn a_monitor_killed_on_its_way_through_old_transcripts_stores_them_exactly_once_in_little_memory() {
    let (files, bytes) = if is_soak() { (1000, 2 << 30) } else { (60, 24 << 20) };
    let outcome = CatchUp { files, bytes, loses_a_file: false }.run();
    outcome.unwrap_or_else(|difference| panic!("{difference}"));
}

/// Planted loss: one transcript goes before it was read.
#[test]
fn a_transcript_that_was_never_read_is_seen_by_the_check() {
    let difference = CatchUp { files: 6, bytes: 1 << 20, loses_a_file: true }.run().unwrap_err();
    assert!(!difference.lost.is_empty(), "{difference}");
}

/// The run that the next test repeats with one difference: the proxy passes answers on.
#[test]
fn kills_of_the_server_behind_a_proxy_lose_nothing() {
    small_storm(Reply::WhenAnswered).unwrap_or_else(|difference| panic!("{difference}"));
}

/// Planted bug: the sender is told "stored" before the server has the batch, which is what a server does that
/// answers before its commit. Real programs on both sides; the lie is told by the proxy between them.
#[test]
fn a_reply_before_the_commit_is_seen_by_the_check() {
    let difference = small_storm(Reply::AtOnce).expect_err("events were acknowledged and then lost");
    assert!(!difference.lost.is_empty(), "{difference}");
}

/// A network that cuts most connections after the server has committed and before its answer is through.
#[test]
fn answers_that_are_cut_off_store_nothing_twice() {
    let (lines, least) = if is_soak() { (4000, 1000) } else { (350, 100) };
    let cut = Cut::default();
    let proxy = Proxy { reply: Reply::CutOffAtFirst, cut: cut.clone() };
    let storm = Storm { files: 8, lines, buffer: Some("3"), proxy: Some(proxy), ..Storm::CALM };
    let repeated = storm.run(&[]).unwrap_or_else(|difference| panic!("{difference}"));
    let cuts = cut.lock().unwrap().len();
    assert!(cuts >= least, "{cuts} connections were cut");
    // which the check of the test before this one sees
    assert!(repeated >= cuts as u64, "{repeated} events were sent twice");
}

fn small_storm(reply: Reply) -> Result<(), Difference> {
    let proxy = Some(Proxy { reply, cut: Cut::default() });
    let storm = Storm {
        files: 8,
        lines: 1500,
        kills: 8,
        longest_pause: Duration::from_millis(500),
        proxy,
        ..Storm::CALM
    };
    storm.run(&[Target::Server]).map(|_| ())
}

/// The emulated monitor does what ours promises, in the plainest way, so that the two tests after this one can
/// break one thing of it: it saves an offset behind the last complete line and derives ids.
#[test]
fn the_emulated_monitor_without_a_bug_stores_exactly_once() {
    EmulatedMonitor::trial(None, &mut Dice::new()).unwrap_or_else(|difference| panic!("{difference}"));
}

/// Planted bug: what is read again after a crash gets new ids.
#[test]
fn random_ids_are_seen_by_the_check() {
    let difference = EmulatedMonitor::trial(Some(Bug::RandomIds), &mut Dice::new()).unwrap_err();
    assert!(!difference.foreign.is_empty(), "{difference}");
}

/// Planted bug: the saved offset is the file's size, so a line that was half written is lost.
#[test]
fn an_offset_by_file_size_is_seen_by_the_check() {
    let difference = EmulatedMonitor::trial(Some(Bug::OffsetByFileSize), &mut Dice::new()).unwrap_err();
    assert!(!difference.lost.is_empty(), "{difference}");
}
