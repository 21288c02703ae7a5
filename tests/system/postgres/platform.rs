//! The hosted platform's tool, which runs the same migrations and keeps a record of its own, and its roles.

use vibetea_testkit::{Cluster, Database};

use super::balancer::{replaced, snippet};
use super::migrations::{schema, works};
use super::replica::{Replica, SOURCES, events, id, judge};

/// Every migration, in their order.
pub(super) fn texts() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn a_database_of_the_hosted_deployment_is_taken_over() {
    let Some(cluster) = Cluster::shared() else { return };
    let whole = cluster.database();
    works(&whole);
    let texts = texts();
    assert!(texts.len() >= 6);
    for applied in 1..=texts.len() {
        let database = cluster.database();
        for text in &texts[..applied] {
            database.owners_shell().execute(text);
        }
        database.owners_shell().execute(
            r#"SELECT bulk_insert_events('[{"id": "evt_00000000000000000077", "source": "laptop", "type": "tool",
                "timestamp": "2026-02-03T14:30:00Z", "payload": {"sessionId": "s", "tool": "Read"}}]')"#,
        );
        let replica = Replica::start(&database.url());
        replica.take("/ingest", SOURCES[0], &events(SOURCES[0], 0..10));
        judge(&database, &(0..10).chain([77]).map(id).collect()).unwrap();
        replica.stop();
        assert_eq!(schema(&database), schema(&whole), "{applied}");
    }
}

fn run(database: &Database, texts: &[String]) {
    let mut shell = database.owners_shell();
    for text in texts {
        shell.execute(text);
    }
}

/// Writes down, as a server does, that the migrations up to this one were run, with what stands of them elsewhere.
fn record(database: &Database, whole: &Database, newest: usize) {
    let mut shell = database.owners_shell();
    shell.execute(
        "CREATE TABLE vibetea._sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
         installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL,
         execution_time BIGINT NOT NULL)",
    );
    let rows = whole.shell().column(&format!(
        "SELECT format('INSERT INTO vibetea._sqlx_migrations VALUES (%s, %L, %L, %L, %L, %s)', version, description,
         installed_on, success, checksum, execution_time) FROM vibetea._sqlx_migrations WHERE version <= {newest}"
    ));
    assert_eq!(rows.len(), newest);
    for row in rows {
        shell.execute(&row);
    }
}

/// The first release that may share a database with the platform's tool in any order.
const SHARED_FROM: usize = 8;

#[test]
fn a_server_and_the_platforms_tool_may_bring_the_same_database_up_to_date_in_any_order() {
    let Some(cluster) = Cluster::shared() else { return };
    let texts = texts();
    let whole = cluster.database();
    works(&whole);
    for new in SHARED_FROM..=texts.len() {
        // the tool was first, on a database that servers of the release before keep a record in
        let database = cluster.database();
        run(&database, &texts[..new - 1]);
        record(&database, &whole, new - 1);
        run(&database, &texts[new - 1..]);
        works(&database);
        assert_eq!(schema(&database), schema(&whole));
        // the server was first
        run(&database, &texts[new - 1..]);
        works(&database);
        assert_eq!(schema(&database), schema(&whole));
    }
}

#[test]
fn the_schema_says_which_migration_was_the_last_and_a_newer_one_without_a_record_is_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let texts = texts();
    run(&database, &texts);
    let mut shell = database.owners_shell();
    assert_eq!(shell.value("SELECT vibetea.schema_version()"), texts.len().to_string());
    shell.execute(
        "CREATE OR REPLACE FUNCTION vibetea.schema_version() RETURNS BIGINT LANGUAGE sql AS 'SELECT 9999::bigint'",
    );
    let told = Replica::start_unready(&database.url()).refusal();
    assert!(told.contains("9999"), "{told}");
    assert_eq!(shell.value("SELECT to_regclass('vibetea._sqlx_migrations') IS NULL"), "t");
}

/// With these roles row level security is forced, so that it binds the owner of the tables too.
#[test]
fn a_role_that_row_level_security_keeps_from_the_events_is_refused_at_the_start() {
    let Some(cluster) = Cluster::own() else { return };
    for role in ["anon", "authenticated", "service_role"] {
        cluster.administrator().execute(&format!("CREATE ROLE {role} NOLOGIN"));
    }
    let database = cluster.database();
    let told = Replica::start_unready(&database.url()).refusal();
    assert!(told.contains("BYPASSRLS"), "{told}");
    cluster.administrator().execute("ALTER ROLE vibetea BYPASSRLS");
    works(&database);
}

/// Somebody's reports, made by a role that has what the documentation grants it.
#[test]
fn a_role_for_reports_reads_the_views_for_people_and_no_secret() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    works(&database);
    let reader = format!("{}_reader", database.name());
    let mut shell = database.shell();
    shell.execute(&format!("CREATE ROLE {reader}"));
    for statement in snippet("sql").split(';').filter(|statement| !statement.trim().is_empty()) {
        shell.execute(&replaced(statement, "TO reports", &format!("TO {reader}")));
    }
    let views = shell
        .column("SELECT table_name FROM information_schema.views WHERE table_schema = 'public' ORDER BY 1");
    assert_eq!(views, ["daily_events", "daily_tools", "hourly_aggregates", "sessions"]);
    shell.execute(&format!("SET ROLE {reader}"));
    for view in views {
        assert_ne!(shell.column(&format!("SELECT source FROM public.{view}")).len(), 0, "{view}");
    }
    for statement in [
        "SELECT vibetea.add_counts('{}', '{}', '{}', '{}')",
        "SELECT bulk_insert_events('[]')",
        "SELECT 1 FROM vibetea.viewer_token",
        "SELECT 1 FROM vibetea.source_key",
        "DELETE FROM public.events",
    ] {
        let refused = shell.try_execute(statement).unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
}
