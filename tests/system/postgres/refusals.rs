//! Databases that a server must not or cannot bring up to date: it says why, ends, and leaves nothing behind.

use vibetea_testkit::{Cluster, Database};

use super::migrations::{no_lock, schema, works};
use super::replica::Replica;

/// A start as it is; what the server says when it ends.
fn start(database: &Database) -> String {
    Replica::start_unready(&database.url()).refusal()
}

/// Whether a start that may not make the schema says so and leaves no lock on migrations.
fn fails_without_a_lock(database: &Database, start: impl FnOnce(&Database) -> String) -> Result<(), String> {
    let mut shell = database.shell();
    shell.execute(&format!("ALTER DATABASE {} OWNER TO postgres", database.name()));
    let told = start(database);
    if !told.contains("permission denied") {
        return Err(format!("it is not said what is missing: {told}"));
    }
    no_lock(database)?;
    shell.execute(&format!("ALTER DATABASE {} OWNER TO vibetea", database.name()));
    works(database);
    Ok(())
}

#[test]
fn a_migration_that_fails_leaves_no_lock_and_says_what_is_missing() {
    let Some(cluster) = Cluster::shared() else { return };
    fails_without_a_lock(&cluster.database(), start).unwrap();
}

/// Planted bug: the session with the lock outlives the failure, as one does that goes back to a pool.
#[test]
fn a_lock_that_outlives_a_failure_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let mut pooled = database.owners_shell();
    let told = fails_without_a_lock(&database, |database| {
        let told = start(database);
        pooled.execute("SELECT pg_advisory_lock(1)");
        told
    });
    assert_eq!(told.unwrap_err(), "1 locks are left");
}

/// What is planted in a database that works, and what a refusal names.
const FOREIGN_STATES: [(&str, &str); 2] = [
    // a newer schema
    (
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, '\\x00', 0)",
        "9999",
    ),
    // an edited migration
    ("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1", "migration 1"),
];

/// Whether a start in that state is refused with that word and changes nothing.
fn refused_and_left_alone(
    database: &Database,
    (state, word): (&str, &str),
    start: impl FnOnce(&Database) -> String,
) -> Result<(), String> {
    works(database);
    database.shell().execute(state);
    let before = schema(database);
    let told = start(database);
    if !told.contains(word) {
        return Err(format!("{word} is not named: {told}"));
    }
    if schema(database) == before { Ok(()) } else { Err(format!("changed before it was refused: {word}")) }
}

#[test]
fn what_is_not_ours_to_change_is_refused_and_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    for state in FOREIGN_STATES {
        refused_and_left_alone(&cluster.database(), state, start).unwrap();
    }
}

/// Planted bugs: the schema is brought up to date before anybody looks whether that may be, and a refusal without a reason.
#[test]
fn a_start_that_changes_before_it_looks_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    let hasty = |database: &Database| {
        database.owners_shell().execute("CREATE INDEX hasty ON public.events (created_at)");
        start(database)
    };
    for state in FOREIGN_STATES {
        let told = refused_and_left_alone(&cluster.database(), state, hasty).unwrap_err();
        assert!(told.contains("changed"), "{told}");
    }
    let mute = |database: &Database| start(database).replace("9999", "");
    let told = refused_and_left_alone(&cluster.database(), FOREIGN_STATES[0], mute).unwrap_err();
    assert!(told.contains("not named"), "{told}");
}

/// Whether a table of others that has the name of ours is left as it is, and nothing is put beside it.
fn stranger_left_alone(database: &Database, start: impl FnOnce(&Database) -> String) -> Result<(), String> {
    let mut shell = database.owners_shell();
    shell.execute("CREATE TABLE public.events (at int); INSERT INTO public.events VALUES (1)");
    let told = start(database);
    if !told.contains("belongs to another program") {
        return Err(format!("it is not said whose it is: {told}"));
    }
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema NOT LIKE 'pg_%'
        AND table_schema <> 'information_schema' ORDER BY 1";
    let left = (shell.column(tables), shell.column("SELECT at FROM public.events"));
    if left != (vec!["events".to_owned()], vec!["1".to_owned()]) {
        return Err(format!("it is not left alone: {left:?}"));
    }
    // tables of others stand beside ours
    shell.execute("ALTER TABLE public.events RENAME TO outbox");
    works(database);
    Ok(())
}

#[test]
fn a_table_of_others_that_is_in_the_way_is_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    stranger_left_alone(&cluster.database(), start).unwrap();
}

/// Planted bugs: a record of migrations that is made before the look, and a stranger's row that is gone.
#[test]
fn a_start_that_touches_what_belongs_to_others_is_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    for touch in
        ["CREATE SCHEMA vibetea; CREATE TABLE vibetea.record (version int)", "DELETE FROM public.events"]
    {
        let told = stranger_left_alone(&cluster.database(), |database| {
            let told = start(database);
            database.owners_shell().execute(touch);
            told
        });
        assert!(told.unwrap_err().contains("not left alone"), "{touch}");
    }
}
