//! Imports that are killed, and connections that are cut.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use vibetea_testkit::{Cluster, Database};

use crate::hosted::{import, places};
use crate::postgres::{Hosted, PASSWORD};
use crate::support::{Place, line, wait_for};

const EVENTS: usize = 60_000;

fn lines() -> String {
    (0..EVENTS).map(line).collect()
}

/// Events in the store, read past the program.
fn stored(place: &Place, database: Option<&Database>) -> usize {
    if let Some(database) = database {
        return database.shell().value("SELECT count(*) FROM public.events").parse().unwrap();
    }
    let count = || {
        let connection = rusqlite::Connection::open(place.database())?;
        connection.query_row("SELECT count(*) FROM event", [], |row| row.get(0))
    };
    count().unwrap_or_default()
}

fn is_begun_again_safely(place: &Place, database: Option<&Database>) {
    let lines = lines();
    let mut child = place.program(&["import"]).stdin(Stdio::piped()).spawn().unwrap();
    // the last lines are kept back, so that it cannot be done before it is killed
    let mut pipe = child.stdin.take().unwrap();
    let most = lines.len() - 1000;
    pipe.write_all(&lines.as_bytes()[..most]).unwrap();
    wait_for("stored event", || (stored(place, database) > 0).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(pipe);
    let ended = place.import(&lines);
    // what was being committed when it was killed may have been stored after a look
    let told = format!("{EVENTS} events read: ");
    let said = ended.told.lines().last().unwrap();
    let already = said.split(", ").nth(1).unwrap().split(' ').next().unwrap();
    let already: usize = already.parse().unwrap();
    assert!(said.contains(&told) && (1..EVENTS).contains(&already), "{said}");
    assert_eq!(place.export(&[]), lines);
}

#[test]
fn an_import_of_lines_that_is_killed_is_begun_again_safely() {
    is_begun_again_safely(&Place::new(), None);
}

#[test]
fn an_import_of_lines_into_postgresql_that_is_killed_is_begun_again_safely() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let place = Place::on(database.url());
    place.import("");
    is_begun_again_safely(&place, Some(&database));
}

/// Kills an import from a hosted project once it has kept its place.
fn kill_on_the_way(place: &Place, hosted: &Hosted) {
    let mut child = place.program(&["import"]).env("VIBETEA_IMPORT_FROM", hosted.url()).spawn().unwrap();
    wait_for("place of the import", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        places(place).pop()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = fs::read_to_string(places(place).pop().unwrap()).unwrap();
    assert!(kept.contains("127.0.0.1") && !kept.contains(PASSWORD), "{kept}");
}

fn goes_on_where_it_was_killed(place: &Place, database: Option<&Database>, hosted: &Hosted) {
    let lines = lines();
    hosted.fill(&lines);
    kill_on_the_way(place, hosted);
    assert!(stored(place, database) < EVENTS);
    let ended = import(place, hosted);
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    let said = ended.told.lines().last().unwrap();
    assert!(said.contains("60000 events read: ") && said.contains(" of them by an earlier run"), "{said}");
    assert_eq!(place.export(&[]), lines);
    assert!(places(place).is_empty());
}

#[test]
fn an_import_from_a_hosted_project_goes_on_where_it_was_killed() {
    let Some(hosted) = Hosted::new() else { return };
    let place = Place::new();
    goes_on_where_it_was_killed(&place, None, &hosted);

    // the database is lost while the place stays: what is not there is not passed over
    let lose = || {
        for name in ["vibetea.db", "vibetea.db-wal", "vibetea.db-shm"] {
            let _ = fs::remove_file(place.path().join(name));
        }
    };
    lose();
    kill_on_the_way(&place, &hosted);
    lose();
    assert_eq!(places(&place).len(), 1);
    let ended = import(&place, &hosted);
    let told = "60000 events read: 60000 new, 0 already there\n";
    assert!(ended.told.ends_with(told), "{}", ended.told);
    assert_eq!(place.export(&[]), lines());
}

#[test]
fn an_import_from_a_hosted_project_into_postgresql_goes_on_where_it_was_killed() {
    let Some(hosted) = Hosted::new() else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let place = Place::on(database.url());
    place.import("");
    goes_on_where_it_was_killed(&place, Some(&database), &hosted);
}

#[test]
fn a_connection_that_is_cut_is_made_again() {
    let Some(hosted) = Hosted::new() else { return };
    let lines = lines();
    hosted.fill(&lines);
    let place = Place::new();
    let mut child = place.program(&["import"]).env("VIBETEA_IMPORT_FROM", hosted.url()).spawn().unwrap();
    wait_for("place of the import", || places(&place).pop());
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = 'vibetea-import' AND datname = current_database()";
    assert_eq!(hosted.value(cut), "1", "it was connected");
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains("the hosted database is away; trying again"), "{told}");
    assert!(told.ends_with("60000 events read: 60000 new, 0 already there\n"), "{told}");
    assert_eq!(place.export(&[]), lines);
}
