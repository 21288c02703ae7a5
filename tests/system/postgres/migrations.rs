//! Servers that die, or start all at once, while the schema is made.

use std::time::Duration;

use vibetea_testkit::{Cluster, Database, Shell};
use vibetea_tests::dice::Dice;
use vibetea_tests::wait;

use super::replica::{Replica, SOURCES, events, id, judge};
use crate::crash::is_soak;

const DEADLINE: Duration = Duration::from_mins(1);
/// Those of one database; others are tested beside it.
const ADVISORY_LOCKS: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
const FIRST_MIGRATION: &str = include_str!("../../../migrations/postgres/0001_events.sql");

/// Every column, constraint, index, function and view of the schema, and what was applied.
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
        "SELECT concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
         WHERE connamespace::regnamespace::text IN ('public', 'vibetea') ORDER BY 1",
        "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'vibetea') ORDER BY 1",
        "SELECT pg_get_functiondef(oid) FROM pg_proc
         WHERE pronamespace::regnamespace::text IN ('public', 'vibetea') ORDER BY 1",
        "SELECT concat_ws(' ', viewname, definition) FROM pg_views
         WHERE schemaname IN ('public', 'vibetea') ORDER BY 1",
    ];
    queries.iter().flat_map(|query| shell.column(query)).collect()
}

/// Whether the schema is as one that was made at once.
fn is_whole(database: &Database, whole: &Database) -> Result<(), String> {
    let (found, expected) = (schema(database), schema(whole));
    let differs = |one: &[String], other: &[String]| one.iter().find(|line| !other.contains(line)).cloned();
    match (differs(&expected, &found), differs(&found, &expected)) {
        (None, None) if found == expected => Ok(()),
        (missing, foreign) => Err(format!("the schema lacks {missing:?} and has {foreign:?}")),
    }
}

pub(super) fn works(database: &Database) {
    try_work(database).unwrap();
}

/// Whether a server starts and stores, and leaves no lock.
fn try_work(database: &Database) -> Result<(), String> {
    let mut replica = Replica::start_unready(&database.url());
    replica.try_wait_ready()?;
    replica.take("/ingest", SOURCES[0], &events(SOURCES[0], 0..10));
    judge(database, &(0..10).map(id).collect())?;
    replica.stop();
    no_lock(database)
}

pub(super) fn no_lock(database: &Database) -> Result<(), String> {
    match database.shell().column(ADVISORY_LOCKS).len() {
        0 => Ok(()),
        left => Err(format!("{left} locks are left")),
    }
}

/// Whether eight servers that start at once on an empty database all serve.
fn start_at_once(database: &Database, whole: &Database) -> Result<(), String> {
    let mut replicas = [0; 8].map(|_| Replica::start_unready(&database.url()));
    for (replica, number) in replicas.iter_mut().zip(0..) {
        replica.try_wait_ready()?;
        replica.take("/ingest", SOURCES[0], &events(SOURCES[0], number..number + 5));
    }
    judge(database, &(0..12).map(id).collect())?;
    drop(replicas);
    is_whole(database, whole)
}

#[test]
fn eight_servers_that_start_at_once_on_an_empty_database_all_serve() {
    let Some(cluster) = Cluster::shared() else { return };
    let whole = cluster.database();
    works(&whole);
    for _ in 0..if is_soak() { 40 } else { 5 } {
        start_at_once(&cluster.database(), &whole).unwrap();
    }
}

/// Planted bug: the lock on migrations keeps nobody out.
#[test]
fn a_lock_that_locks_nobody_out_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let whole = cluster.database();
    works(&whole);
    let database = cluster.database();
    // functions of the system are each database's own; who comes first waits for company, so that several are in together
    database.shell().execute(
        "SET allow_system_table_mods = on;
         ALTER FUNCTION pg_catalog.pg_advisory_lock(bigint) RENAME TO planted_lock;
         CREATE FUNCTION pg_catalog.pg_advisory_lock(bigint) RETURNS void LANGUAGE plpgsql AS $$
         BEGIN
             FOR look IN 1..3000 LOOP
                 PERFORM pg_stat_clear_snapshot();
                 EXIT WHEN (SELECT count(*) > 3 FROM pg_stat_activity
                     WHERE datname = current_database() AND query LIKE '%pg_advisory_lock(%')
                     OR to_regclass('vibetea.stream') IS NOT NULL;
                 PERFORM pg_sleep(0.002);
             END LOOP;
         END $$",
    );
    let told = start_at_once(&database, &whole).unwrap_err();
    assert!(told.contains("the server ended"), "{told}");
}

/// Tables as the hosted deployment left them, and the owner of a session that keeps the first migration from altering them.
fn stand_in_the_way(database: &Database) -> Shell {
    let mut shell = database.owners_shell();
    shell.execute(
        "CREATE TABLE public.events (id text PRIMARY KEY, source text NOT NULL, timestamp timestamptz NOT NULL,
         event_type text NOT NULL, payload jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())",
    );
    shell.execute("BEGIN");
    shell.execute("LOCK TABLE public.events IN ACCESS SHARE MODE");
    shell
}

/// The first migration is stopped half-way by a lock on a table that it alters, and its server is killed there; `remain`
/// plants what it leaves. Does the next server find none of it, and make it whole?
fn killed_within(database: &Database, remain: impl FnOnce(&mut Shell)) -> Result<(), String> {
    let mut shell = stand_in_the_way(database);
    let mut replica = Replica::start_unready(&database.url());
    let waiting = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'vibetea' AND wait_event_type = 'Lock'";
    wait::until_so(DEADLINE, "the migration waits", || !database.shell().column(waiting).is_empty());
    replica.kill();
    shell.execute("ROLLBACK");
    wait::until_so(DEADLINE, "the session of the dead server ends", || no_lock(database).is_ok());
    remain(&mut shell);
    let left = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'vibetea' ORDER BY 1";
    let left = shell.column(left);
    if left != ["_sqlx_migrations"] {
        return Err(format!("half a migration is left: {left:?}, then {:?}", try_work(database)));
    }
    try_work(database)
}

#[test]
fn a_server_that_is_killed_within_a_migration_leaves_it_to_the_next() {
    let Some(cluster) = Cluster::shared() else { return };
    killed_within(&cluster.database(), |_| {}).unwrap();
}

/// Planted bug: a migration is no transaction, so that what it did before the lock stays.
#[test]
fn a_migration_that_is_committed_in_halves_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let (before_the_lock, _) = FIRST_MIGRATION.split_once("ALTER TABLE public.events").unwrap();
    let told = killed_within(&cluster.database(), |shell| {
        shell.execute(before_the_lock);
    });
    let told = told.unwrap_err();
    // and no later server gets over it
    assert!(told.contains("\"stream\"") && told.contains("the server ended"), "{told}");
}

/// Kills servers at any moment of their start; `remain` plants what they leave. Does the next make the schema whole?
fn killed_at_any_moment(
    database: &Database,
    whole: &Database,
    dice: &mut Dice,
    remain: impl FnOnce(&Database),
) -> Result<(), String> {
    for _ in 0..3 {
        let mut replica = Replica::start_unready(&database.url());
        std::thread::sleep(Duration::from_millis(dice.below(200)));
        replica.kill();
    }
    remain(database);
    try_work(database)?;
    is_whole(database, whole)
}

#[test]
fn servers_that_are_killed_at_any_moment_of_their_start_leave_a_whole_schema() {
    let Some(cluster) = Cluster::shared() else { return };
    let whole = cluster.database();
    works(&whole);
    let mut dice = Dice::new();
    for _ in 0..if is_soak() { 100 } else { 8 } {
        killed_at_any_moment(&cluster.database(), &whole, &mut dice, |_| {}).unwrap();
    }
}

/// Planted bug: a migration is on record before the last statement of it is done.
#[test]
fn a_migration_that_is_on_record_too_early_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let whole = cluster.database();
    works(&whole);
    for undone in ["DROP INDEX vibetea.hourly_source", "DROP VIEW public.hourly_aggregates"] {
        let told = killed_at_any_moment(&cluster.database(), &whole, &mut Dice::new(), |database| {
            Replica::start(&database.url()).stop();
            database.shell().execute(undone);
        });
        assert!(told.unwrap_err().contains("the schema lacks"), "{undone}");
    }
}
