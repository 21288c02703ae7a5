//! An encrypted way to the database: a server goes it only with a database that is what its URL asks for.

use std::path::Path;

use tempfile::TempDir;
use vibetea_testkit::{Authority, Cluster, Database};

use super::replica::{Replica, SOURCES, events, id, judge};

/// What must never be told.
const PASSWORD: &str = "s3cret-of-the-database";
/// The host that the database's certificate is for, and another name of it.
const HOST: &str = "localhost";
const OTHER_HOST: &str = "127.0.0.1";

/// A database that offers TLS, and certificates of the authority that vouches for it and of another one.
struct Site {
    database: Database,
    folder: TempDir,
}

impl Site {
    fn new() -> Option<Self> {
        let cluster = Cluster::own()?;
        let folder = TempDir::new().unwrap();
        let authority = Authority::new();
        for (name, pem) in [("ours", authority.pem()), ("other", Authority::new().pem())] {
            std::fs::write(folder.path().join(name), pem).unwrap();
        }
        cluster.offer_tls(&authority.issue(&[HOST], folder.path()));
        Some(Self { database: cluster.database(), folder })
    }

    /// The URL with that host, in that mode and trusting that authority.
    fn url(&self, host: &str, mode: &str, authority: &str) -> String {
        let file = self.folder.path().join(authority);
        url(&self.database, host, &format!("sslmode={mode}&sslrootcert={}", file.display()))
    }
}

fn url(database: &Database, host: &str, parameters: &str) -> String {
    let port = database.cluster().address().port();
    format!("postgres://vibetea:{PASSWORD}@{host}:{port}/{}?{parameters}", database.name())
}

/// Whether the sessions of a server that serves with this URL are encrypted, or what it says where it does not serve.
fn encrypted(database: &Database, url: &str) -> Result<bool, String> {
    let mut replica = Replica::start_unready(url);
    if replica.try_wait_ready().is_err() {
        let told = replica.refusal();
        assert!(!told.contains(PASSWORD), "{told}");
        return Err(told);
    }
    replica.take("/ingest", SOURCES[0], &events(SOURCES[0], 0..5));
    judge(database, &(0..5).map(id).collect()).unwrap();
    assert!(!replica.log().contains(PASSWORD), "{}", replica.log());
    let sessions = "SELECT DISTINCT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE datname = current_database() AND usename = 'vibetea'";
    let found = database.shell().column(sessions);
    assert_eq!(found.len(), 1, "all in the same way: {found:?}");
    Ok(found == ["true"])
}

/// Whether a server was refused with these words, and at once.
fn refused(outcome: &Result<bool, String>, words: &[&str]) -> Result<(), String> {
    match outcome {
        Ok(_) => Err("it serves".to_owned()),
        Err(told) if told.contains("waiting for the database") => Err(format!("it waits: {told}")),
        Err(told) if words.iter().all(|word| told.contains(word)) => Ok(()),
        Err(told) => Err(told.clone()),
    }
}

#[test]
fn a_server_that_is_to_verify_its_database_talks_to_no_other() {
    let Some(site) = Site::new() else { return };
    let database = &site.database;
    let untrusted = ["cannot be reached", "the authority of its certificate is not trusted", "sslrootcert"];
    let other_host = ["cannot be reached", "its certificate is for another host", OTHER_HOST, HOST];
    refused(&encrypted(database, &site.url(HOST, "verify-full", "other")), &untrusted).unwrap();
    refused(&encrypted(database, &site.url(HOST, "verify-ca", "other")), &untrusted).unwrap();
    refused(&encrypted(database, &url(database, HOST, "sslmode=verify-full")), &untrusted).unwrap();
    refused(&encrypted(database, &site.url(OTHER_HOST, "verify-full", "ours")), &other_host).unwrap();
    let absent = site.url(HOST, "verify-full", "nowhere.pem");
    refused(&encrypted(database, &absent), &["nowhere.pem, which sslrootcert names, cannot be read"])
        .unwrap();
    assert_eq!(encrypted(database, &site.url(HOST, "verify-full", "ours")), Ok(true));
}

/// Planted: clients that verify less are seen by the check.
#[test]
fn a_server_that_verifies_less_is_seen_by_the_check() {
    let Some(site) = Site::new() else { return };
    let database = &site.database;
    for less in [site.url(HOST, "require", "other"), site.url(OTHER_HOST, "verify-ca", "ours")] {
        let outcome = encrypted(database, &less);
        assert_eq!(refused(&outcome, &[]), Err("it serves".to_owned()), "{less}");
        assert_eq!(outcome, Ok(true), "{less}");
    }
    // and so is one that does not encrypt
    assert_eq!(encrypted(database, &url(database, HOST, "sslmode=disable")), Ok(false));
    assert_eq!(encrypted(database, &url(database, HOST, "")), Ok(true));
}

#[test]
fn a_database_without_tls_is_refused_where_it_is_asked_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/Cargo.toml");
    let no_certificate = format!("sslmode=verify-full&sslrootcert={}", file.display());
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = url(&database, HOST, &format!("sslmode={mode}"));
        refused(&encrypted(&database, &url), &["it offers no TLS, and the sslmode of its URL asks for it"])
            .unwrap();
    }
    refused(
        &encrypted(&database, &url(&database, HOST, &no_certificate)),
        &["holds no certificate in PEM form"],
    )
    .unwrap();
    for less in ["sslmode=prefer", ""] {
        assert_eq!(encrypted(&database, &url(&database, HOST, less)), Ok(false));
    }
}
