//! Copies that the server makes by itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vibetea_protocol::Clock;
use vibetea_server::backup::Origin;
use vibetea_server::config::Backups;
use vibetea_server::upkeep::{Copies, UpkeepMetrics};
use vibetea_tests::answers;
use vibetea_tests::program::loopback;
use vibetea_tests::wait::until_so;

use super::Site;
use super::site::{LONG, events};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn ids(site: &Site) -> BTreeSet<String> {
    site.ids().into_iter().collect()
}

#[test]
fn the_server_makes_the_first_copy_soon_after_its_start_and_says_where_it_cannot() {
    let sites: Vec<(Site, PathBuf)> =
        Site::both().map(|site| (site.file("copies"), site)).map(|(folder, site)| (site, folder)).collect();
    let servers: Vec<_> = sites
        .iter()
        .map(|(site, folder)| {
            let server = site.start_with(&[("VIBETEA_BACKUP_DIR", folder.to_str().unwrap())]);
            site.take("/ingest", &events(0..50));
            server
        })
        .collect();
    let stuck = Site::sqlite();
    fs::write(stuck.file("copies"), "in the way").unwrap();
    let folder = stuck.file("copies");
    let server = stuck.start_with(&[("VIBETEA_BACKUP_DIR", folder.to_str().unwrap())]);
    for (site, folder) in &sites {
        until_so(LONG, "a copy is there", || names(folder).iter().any(|name| !name.contains(".part")));
        until_so(LONG, "it is counted", || site.metric("vibetea_backups_total") == Some(1.0));
        assert_eq!(names(folder).len(), 1);
        let other = site.like();
        other.says(&[Path::new("restore"), &folder.join(&names(folder)[0])]);
        assert_eq!(ids(&other), ids(site));
        assert_eq!(ids(&other).len(), 50);
    }
    until_so(LONG, "the failure is counted", || stuck.metric("vibetea_backup_failures_total") == Some(1.0));
    assert!(server.stderr().contains("the store cannot be copied"), "{}", server.stderr());
    // who keeps the events is not to blame
    let ready = answers::get(loopback(stuck.place.port), "/readyz", &[]).unwrap();
    assert_eq!(ready.status, 200, "{ready:?}");
    servers.into_iter().chain([server]).for_each(Site::stop);
}

#[test]
fn the_newest_copies_stay_and_two_are_never_made_at_once() {
    let site = Site::sqlite();
    let server = site.start();
    let folder = site.file("copies");
    let copies = |time: &str| {
        let wanted = Backups { folder: folder.clone(), every: Duration::from_hours(24), keep: 2 };
        let clock = Clock::fixed(time.parse().unwrap());
        let origin = Origin::Sqlite(site.place.database());
        Copies::new(wanted, origin, clock, Arc::new(UpkeepMetrics::default()))
    };
    let go = CancellationToken::new();
    let mut held = Vec::new();
    for day in 1..=4 {
        site.take("/ingest", &events(day * 50..day * 50 + 50));
        let (_, made) = copies(&format!("2026-02-0{day}T03:00:00Z")).make(&go).unwrap();
        held.push((ids(&site), made.digest.to_string()));
    }
    let kept = ["vibetea-20260203T030000Z.db", "vibetea-20260204T030000Z.db"];
    assert_eq!(names(&folder), kept);
    // each holds what there was on its day
    for (name, (ids_then, digest)) in kept.iter().zip(&held[2..]) {
        let other = site.like();
        assert_eq!(other.says(&[Path::new("restore"), &folder.join(name)]), *digest);
        assert_eq!(ids(&other), *ids_then);
    }
    assert_ne!(held[2], held[3]);
    let lock = fs::File::options().write(true).open(site.place.data().join("vibetea.db.copy-lock")).unwrap();
    lock.lock().unwrap();
    let error = copies("2026-02-05T03:00:00Z").make(&go).unwrap_err();
    assert!(error.to_string().contains("another copy"), "{error}");
    drop(lock);
    let stopped = CancellationToken::new();
    stopped.cancel();
    // a small store may be copied before anybody looks whether to go on
    let _ = copies("2026-02-06T03:00:00Z").make(&stopped);
    assert!(names(&folder).iter().all(|name| name.ends_with("Z.db")), "{:?}", names(&folder));
    Site::stop(server);
}
