//! The cluster of a whole run: found by what the processes of a run have in common.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::install::Install;
use super::{Cluster, Inner};

/// Who is watched, and a name that no other run has.
fn run() -> (u32, String) {
    #[expect(clippy::disallowed_methods, reason = "how nextest names its runs")]
    let nextest = std::env::var("NEXTEST_RUN_ID").ok();
    let own = std::process::id();
    match (nextest, rustix::process::getppid()) {
        // it starts a process for each test
        (Some(id), Some(parent)) => (parent.as_raw_nonzero().get().unsigned_abs(), id),
        _ => (own, format!("process-{own}")),
    }
}

/// The cluster of this run, started where nobody has done so yet.
pub(super) fn join_or_start(install: Arc<Install>) -> Cluster {
    let (watched, name) = run();
    let base = std::env::temp_dir().join(format!("vibetea-postgres-run-{name}"));
    std::fs::create_dir_all(&base).expect("a temporary folder can be made");
    super::make_readable(&base);
    let lock = File::create(base.join("lock")).expect("our own folder");
    lock.lock().expect("files can be locked");
    let ready = base.join("ready");
    if let Some((folder, port)) = read(&ready) {
        return Cluster(Arc::new(Inner { install, folder, port, is_own: false }));
    }
    let folder =
        tempfile::Builder::new().prefix("cluster-").tempdir_in(&base).expect("our own folder").keep();
    let cluster = Cluster::start_in(install, folder.clone(), watched, &[&base], false);
    std::fs::write(&ready, format!("{}\n{}", cluster.0.port, folder.display())).expect("our own folder");
    cluster
}

fn read(ready: &PathBuf) -> Option<(PathBuf, u16)> {
    let text = std::fs::read_to_string(ready).ok()?;
    let (port, folder) = text.split_once('\n')?;
    Some((PathBuf::from(folder), port.parse().ok()?))
}
