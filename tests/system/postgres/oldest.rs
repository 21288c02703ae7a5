//! A PostgreSQL that is too old for the schema, played by a network that says so.

use vibetea_testkit::{Cluster, Database, Fault, Proxy};

use super::migrations::schema_of;
use super::replica::Replica;

/// What the server says of a database that calls itself that version, and what it left there.
fn told_of(database: &Database, version: [u8; 2]) -> Result<String, String> {
    let proxy = Proxy::start(database.cluster().address());
    proxy.set(Fault::SaysVersion(version));
    let mut replica = Replica::start_unready(&database.url_at(proxy.address()));
    if replica.try_wait_ready().is_ok() {
        return Err("it serves".to_owned());
    }
    let told = replica.refusal();
    let left = schema_of(database);
    if left.is_empty() { Ok(told) } else { Err(format!("it left {left:?}")) }
}

#[test]
fn a_version_that_is_too_old_is_refused_before_anything_is_changed() {
    let Some(cluster) = Cluster::shared() else { return };
    for version in [*b"14", *b"11"] {
        let told = told_of(&cluster.database(), version).unwrap();
        let found = format!("it is PostgreSQL {}.", String::from_utf8_lossy(&version));
        assert!(told.contains(&found) && told.contains("15 or later is needed"), "{told}");
        // it will not become younger
        assert!(!told.contains("waiting for the database"), "{told}");
    }
}

/// Planted: versions that no server of ours refuses are seen by the check.
#[test]
fn a_version_that_is_taken_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    for version in [*b"15", *b"99"] {
        assert_eq!(told_of(&cluster.database(), version).unwrap_err(), "it serves");
    }
}
