//! Servers that die, or start all at once, while the schema is made.

use std::time::Duration;

use vibetea_testkit::{Cluster, Database};
use vibetea_tests::dice::Dice;
use vibetea_tests::wait;

use super::replica::{Replica, SOURCES, events, id, judge};
use crate::crash::is_soak;

const DEADLINE: Duration = Duration::from_mins(1);
/// Those of one database; others are tested beside it.
const ADVISORY_LOCKS: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Every column and every function of the schema, and what was applied.
pub(super) fn schema(database: &Database) -> Vec<String> {
    let applied = "SELECT concat_ws(' ', version, success, checksum) FROM _sqlx_migrations ORDER BY 1";
    [schema_of(database), database.shell().column(applied)].concat()
}

/// The same of a database where perhaps nothing was applied.
pub(super) fn schema_of(database: &Database) -> Vec<String> {
    let mut shell = database.shell();
    let queries = [
        "SELECT concat_ws(' ', table_schema, table_name, column_name, data_type, collation_name, is_nullable)
         FROM information_schema.columns WHERE table_schema IN ('public', 'vibetea') ORDER BY 1",
        "SELECT pg_get_functiondef(oid) FROM pg_proc
         WHERE pronamespace::regnamespace::text IN ('public', 'vibetea') ORDER BY 1",
    ];
    queries.iter().flat_map(|query| shell.column(query)).collect()
}

pub(super) fn works(database: &Database) {
    let replica = Replica::start(&database.url());
    replica.take("/ingest", SOURCES[0], &events(SOURCES[0], 0..10));
    judge(database, &(0..10).map(id).collect()).unwrap();
    replica.stop();
    assert_eq!(database.shell().column(ADVISORY_LOCKS).len(), 0);
}

#[test]
fn eight_servers_that_start_at_once_on_an_empty_database_all_serve() {
    let Some(cluster) = Cluster::shared() else { return };
    let whole = cluster.database();
    works(&whole);
    for _ in 0..if is_soak() { 40 } else { 5 } {
        let database = cluster.database();
        let mut replicas = [0; 8].map(|_| Replica::start_unready(&database.url()));
        for (replica, number) in replicas.iter_mut().zip(0..) {
            replica.wait_ready();
            replica.take("/ingest", SOURCES[0], &events(SOURCES[0], number..number + 5));
        }
        judge(&database, &(0..12).map(id).collect()).unwrap();
        drop(replicas);
        assert_eq!(schema(&database), schema(&whole));
    }
}

/// The first migration is stopped half-way by a lock on a table that it alters.
#[test]
fn a_server_that_is_killed_within_a_migration_leaves_it_to_the_next() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let mut shell = database.owners_shell();
    // as the hosted deployment left it
    shell.execute(
        "CREATE TABLE public.events (id text PRIMARY KEY, source text NOT NULL, timestamp timestamptz NOT NULL,
         event_type text NOT NULL, payload jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())",
    );
    shell.execute("BEGIN");
    shell.execute("LOCK TABLE public.events IN ACCESS SHARE MODE");
    let mut replica = Replica::start_unready(&database.url());
    let waiting = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'vibetea' AND wait_event_type = 'Lock'";
    wait::until_so(DEADLINE, "the migration waits", || !database.shell().column(waiting).is_empty());
    replica.kill();
    shell.execute("ROLLBACK");
    wait::until_so(DEADLINE, "the session of the dead server ends", || {
        database.shell().column(ADVISORY_LOCKS).is_empty()
    });
    let left = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'vibetea'";
    assert_eq!(shell.column(left), ["_sqlx_migrations"], "half a migration is none");
    works(&database);
}

#[test]
fn servers_that_are_killed_at_any_moment_of_their_start_leave_a_whole_schema() {
    let Some(cluster) = Cluster::shared() else { return };
    let whole = cluster.database();
    works(&whole);
    let mut dice = Dice::new();
    for _ in 0..if is_soak() { 100 } else { 8 } {
        let database = cluster.database();
        for _ in 0..3 {
            let mut replica = Replica::start_unready(&database.url());
            std::thread::sleep(Duration::from_millis(dice.below(200)));
            replica.kill();
        }
        works(&database);
        assert_eq!(schema(&database), schema(&whole));
    }
}

#[test]
fn a_migration_that_fails_leaves_no_lock_and_says_what_is_missing() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let mut shell = database.shell();
    shell.execute(&format!("ALTER DATABASE {} OWNER TO postgres", database.name()));
    let told = Replica::start_unready(&database.url()).refusal();
    assert!(told.contains("permission denied"), "{told}");
    assert_eq!(shell.column(ADVISORY_LOCKS).len(), 0);
    shell.execute(&format!("ALTER DATABASE {} OWNER TO vibetea", database.name()));
    works(&database);
}

#[test]
fn what_is_not_ours_to_change_is_refused_and_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    for (what, statement, word) in [
        (
            "a newer schema",
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', true, '\\x00', 0)",
            "9999",
        ),
        (
            "an edited migration",
            "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1",
            "migration 1",
        ),
    ] {
        let database = cluster.database();
        works(&database);
        database.shell().execute(statement);
        let before = schema(&database);
        let told = Replica::start_unready(&database.url()).refusal();
        assert!(told.contains(word), "{what}: {told}");
        assert_eq!(schema(&database), before, "{what}");
    }
    // tables of others stand beside ours, but where they stand in the way nothing is changed
    let database = cluster.database();
    database
        .owners_shell()
        .execute("CREATE TABLE public.events (at int); INSERT INTO public.events VALUES (1)");
    let told = Replica::start_unready(&database.url()).refusal();
    assert!(told.contains("belongs to another program"), "{told}");
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema NOT LIKE 'pg_%'
        AND table_schema <> 'information_schema'";
    assert_eq!(database.shell().column(tables), ["events"]);
    database.owners_shell().execute("ALTER TABLE public.events RENAME TO outbox");
    works(&database);
}
