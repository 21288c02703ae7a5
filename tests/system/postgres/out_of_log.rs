//! The disk with PostgreSQL's log is full: the database ends itself. The server waits for it, and what was acknowledged is
//! there when it comes back.

use vibetea_testkit::Cluster;
use vibetea_tests::wait;

use super::full::{RECOVERY, Rig};
use super::replica::Replica;
use super::storms::answer_before_writing;

/// Room for the log of a new cluster and a little more.
const DISK: u64 = 64 << 20;
/// Each needs its whole room when it is begun, and there is none for so many.
const PIECES: u32 = 8;

/// Writes what is in memory of the log, and ends its piece.
const NEXT_PIECE: &str = "SELECT pg_switch_wal()";

fn rig() -> Option<Rig> {
    let rig = Rig::with(DISK, |disk| Some(Cluster::own_with_log_on(disk)?.database()))?;
    let mut shell = rig.database.shell();
    // as where somebody else decides when it is started again
    shell.execute("ALTER SYSTEM SET restart_after_crash = off");
    shell.execute("SELECT pg_reload_conf()");
    drop(shell);
    Some(rig)
}

/// Sends until the database has ended for want of room, and starts it again when there is some. Is anything lost?
async fn run_out_and_start_again(rig: &mut Rig) -> Result<(), String> {
    let cluster = rig.database.cluster().clone();
    let replica = Replica::start(&rig.database.url());
    let mut viewer = replica.viewer("").await;
    let mut shell = rig.database.shell();
    shell.execute(NEXT_PIECE);
    rig.try_batch(&replica)?;
    rig.disk.fill();
    for piece in 0.. {
        for _ in 0..4 {
            rig.try_batch(&replica)?;
        }
        if shell.try_execute(NEXT_PIECE).is_err() {
            break;
        }
        assert!(piece < PIECES, "the database goes on: {}", replica.log());
    }
    wait::until_so(RECOVERY, "the database ends", || cluster.has_ended());
    wait::until_so(RECOVERY, "the loss of the database is told", || replica.view("/readyz").status == 503);
    if rig.try_batch(&replica)? || replica.view("/livez").status != 200 {
        return Err("a server without a database takes a batch, or is said to be dead".to_owned());
    }
    rig.disk.make_room();
    cluster.start();
    wait::until_so(RECOVERY, "the server is ready", || replica.view("/readyz").status == 200);
    rig.go_on(&replica, &mut viewer).await?;
    replica.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_ends_for_want_of_room_keeps_what_was_acknowledged() {
    let Some(mut rig) = rig() else { return };
    run_out_and_start_again(&mut rig).await.unwrap();
    assert!(rig.acknowledged.len() > 400, "without room {} events were stored", rig.acknowledged.len());
}

/// Planted bug: a commit is answered before the log is on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn commits_that_do_not_wait_for_the_log_are_seen_by_the_check() {
    let Some(mut rig) = rig() else { return };
    Replica::start(&rig.database.url()).stop();
    answer_before_writing(&rig.database);
    let told = run_out_and_start_again(&mut rig).await.unwrap_err();
    assert!(told.contains("are lost"), "{told}");
}
