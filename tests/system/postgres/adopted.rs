//! A table of the hosted deployment that holds rows which no event can be: the server does not take it over, says which
//! they are and how they are mended, and changes nothing before that is done.

use vibetea_testkit::{Cluster, Database};

use super::migrations::schema_of;
use super::platform::texts;
use super::replica::{Replica, SOURCES, events, id, judge};

/// As the hosted deployment's own migration made it.
const TABLE: &str = r#"CREATE TABLE public.events (id text PRIMARY KEY, source text NOT NULL, "timestamp" timestamptz NOT NULL,
    event_type text NOT NULL, payload jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())"#;

/// The first and the last moment of an event, and one between them.
const GOOD: [&str; 3] = ["1970-01-01 00:00:00Z", "2026-02-03 14:30:00Z", "9999-12-31 23:59:59.999999Z"];
/// The numbers of what is no event; the first events are good ones, and those that a server stores later.
const FIRST_UNFIT: u64 = 20;

/// One way in which rows are unfit.
struct Unfit {
    /// Time and type of each.
    rows: &'static [(&'static str, &'static str)],
    /// What must be told of them.
    words: [&'static str; 3],
}

const UNFIT: [Unfit; 2] = [
    Unfit {
        rows: &[
            ("infinity", "tool"),
            ("-infinity", "tool"),
            ("1969-12-31 23:59:59.999999Z", "tool"),
            ("10000-01-01 00:00:00Z", "tool"),
            ("0044-03-15 00:00:00Z BC", "tool"),
            // more microseconds than a number of 64 bits holds
            ("294276-12-31 00:00:00Z", "tool"),
        ],
        words: ["6 rows of public.events", "a time that no event can have", "the years 1970 to 9999"],
    },
    Unfit {
        rows: &[("2026-02-03 14:30:00Z", "party")],
        words: ["1 row of public.events", "a type that no event can have", "session, activity, tool"],
    },
];

/// A database with a table to take over.
fn adopted(cluster: &Cluster, unfit: &Unfit) -> Database {
    let database = cluster.database();
    let mut shell = database.owners_shell();
    shell.execute(TABLE);
    let good = (10..).zip(GOOD.map(|moment| (moment, "tool")));
    let numbered = (FIRST_UNFIT..).zip(unfit.rows.iter().copied());
    for (number, (moment, kind)) in good.chain(numbered) {
        shell.execute(&format!(
            r#"INSERT INTO public.events (id, source, timestamp, event_type, payload)
             VALUES ('{}', 'laptop', '{moment}', '{kind}', '{{"sessionId": "s"}}')"#,
            id(number)
        ));
    }
    database
}

/// Everything that is in a database.
fn contents(database: &Database) -> Vec<String> {
    let mut all = schema_of(database);
    let names = "SELECT nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' ORDER BY 1";
    for query in [names, "SELECT events::text FROM public.events ORDER BY id"] {
        all.extend(database.shell().column(query));
    }
    all
}

/// What a refusal lacks of what must be told.
fn missing_words(told: &str, unfit: &Unfit) -> Vec<String> {
    let first = format!("'{}'", id(FIRST_UNFIT));
    let all = unfit.words.iter().copied().chain([first.as_str(), "nothing was changed"]);
    let mut missing: Vec<String> = all.filter(|word| !told.contains(*word)).map(str::to_owned).collect();
    missing.extend(
        ["UPDATE", "DELETE"]
            .iter()
            .filter(|verb| statement(told, verb).is_none())
            .map(|verb| (*verb).to_owned()),
    );
    missing
}

/// The statement that is told, which begins with that word.
fn statement(told: &str, verb: &str) -> Option<String> {
    let (_, rest) = told.split_once(&format!("`{verb} "))?;
    let (statement, _) = rest.split_once('`')?;
    Some(format!("{verb} {statement}"))
}

#[test]
fn a_table_with_rows_that_no_event_can_be_is_left_alone_until_they_are_mended() {
    let Some(cluster) = Cluster::shared() else { return };
    for unfit in &UNFIT {
        for verb in ["UPDATE", "DELETE"] {
            let database = adopted(cluster, unfit);
            let before = contents(&database);
            let told = Replica::start_unready(&database.url()).refusal();
            assert_eq!(missing_words(&told, unfit), [""; 0], "{told}");
            assert_eq!(contents(&database), before);
            // what is told helps
            database.owners_shell().execute(&statement(&told, verb).unwrap());
            let replica = Replica::start(&database.url());
            replica.take("/ingest", SOURCES[0], &events(SOURCES[0], 0..5));
            let mended = if verb == "UPDATE" { unfit.rows.len() as u64 } else { 0 };
            let stored = (0..5).chain(10..13).chain(FIRST_UNFIT..FIRST_UNFIT + mended);
            judge(&database, &stored.map(id).collect()).unwrap();
            replica.stop();
        }
    }
}

/// Planted bugs: the database's own words, and a migration that was begun.
#[test]
fn words_of_the_database_alone_and_a_change_are_seen_by_the_check() {
    let Some(cluster) = Cluster::shared() else { return };
    for unfit in &UNFIT {
        let database = adopted(cluster, unfit);
        let before = contents(&database);
        let error = database.owners_shell().try_execute(&texts()[0]).expect_err("the first migration stops");
        assert_eq!(missing_words(&error.to_string(), unfit).len(), 7, "{error}");
        assert_eq!(contents(&database), before);
        database.owners_shell().execute("CREATE SCHEMA vibetea");
        assert_ne!(contents(&database), before);
    }
}
