//! What another session in the database, or its disk, can do to a transaction: it is refused for a while, its events are not
//! stored, and the next one goes on.

use std::time::{Duration, Instant};

use vibetea_server::store::{
    EventFilter, EventsQuestion, Range, Route, Side, SourceFilter, Store, StoreError,
};
use vibetea_testkit::Shell;

use crate::support::{DEADLINE, Place, insert, stored};

/// How long a piece of work may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What goes wrong.
struct Trouble<'a> {
    what: &'a str,
    /// Done by a session that stays in its transaction until the trouble is over.
    begin: &'a str,
    /// Done when it is over.
    end: &'a str,
    /// Whether events can be read meanwhile.
    is_readable: bool,
}

const HELD_UP: [Trouble<'_>; 3] = [
    Trouble {
        what: "a lock on the events",
        begin: "BEGIN; LOCK TABLE public.events IN ACCESS EXCLUSIVE MODE",
        end: "COMMIT",
        is_readable: false,
    },
    Trouble {
        what: "a writer that does not end",
        begin: "BEGIN; UPDATE stream SET newest = newest",
        end: "COMMIT",
        is_readable: true,
    },
    Trouble {
        what: "a statement that does not end",
        begin: "CREATE FUNCTION public.planted() RETURNS trigger LANGUAGE plpgsql
                AS 'BEGIN PERFORM pg_sleep(60); RETURN new; END';
            CREATE TRIGGER planted BEFORE INSERT ON public.events
                FOR EACH STATEMENT EXECUTE FUNCTION public.planted()",
        end: DROP,
        is_readable: true,
    },
];

const DROP: &str = "DROP FUNCTION public.planted CASCADE";

/// At the commit and not before: `WHICH` is what the database says.
const FAILING_COMMIT: &str = "CREATE FUNCTION public.planted() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'planted' USING ERRCODE = 'WHICH'; END $$;
    CREATE CONSTRAINT TRIGGER planted AFTER INSERT ON public.events DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.planted()";

/// Input or output failed, the disk is full, there is no memory, no resource is left, a conflict or deadlock was broken, the
/// transaction took too long, the administrator ends it.
const PASSING: [&str; 9] = ["58030", "53100", "53200", "53000", "40001", "40P01", "25P03", "25P04", "57P01"];

/// What comes of it at last, for a slow machine may need more patience than that.
async fn at_last<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> T {
    let start = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
        }
    }
}

/// How many events are read; where they can be, a slow machine gets the time for it.
async fn events(store: &Store, is_readable: bool) -> Result<usize, StoreError> {
    let ask = async || {
        let (filter, range) = (EventFilter::default(), Range::new(None, None));
        let page = store.events(EventsQuestion { filter, range, side: Side::Newest, limit: 1000 }).await?;
        // the counts are of the same transactions
        let counted = store.totals(SourceFilter::All).await?.events;
        assert_eq!(page.events.len() as u64, counted);
        Ok(page.events.len())
    };
    if is_readable { Ok(at_last(ask).await) } else { ask().await }
}

/// Whether a store keeps its promises before, during and after each trouble.
async fn outlived(place: &Place, troubles: &[Trouble<'_>]) -> Result<(), String> {
    let mut options = place.options();
    options.timeout = PATIENCE;
    let store = place.open_as(options, place.recorder()).await.unwrap();
    at_last(async || insert(&store, "laptop", Route::Live, 0..10).await).await;
    let mut acknowledged: Vec<u64> = (0..10).collect();
    let mut other: Shell = place.home.database.shell();
    for (trouble, first) in troubles.iter().zip((10..).step_by(20)) {
        let said = |what| Err(format!("{}: {what}", trouble.what));
        other.execute(trouble.begin);
        let in_vain = first..first + 10;
        match insert(&store, "laptop", Route::Live, in_vain.clone()).await {
            // which is judged by what is stored
            Ok(_) => acknowledged.extend(in_vain),
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => return said(format!("it is not refused for a while but with {error:?}")),
        }
        let events = events(&store, trouble.is_readable).await;
        other.execute(trouble.end);
        match events {
            Ok(read) if read != acknowledged.len() => {
                return said(format!("{acknowledged:?} are acknowledged, {read} are read"));
            }
            Ok(_) => {}
            Err(StoreError::Unavailable(_)) if !trouble.is_readable => {}
            Err(error) => return said(format!("reading is answered with {error:?}")),
        }
        let next = first + 10..first + 20;
        at_last(async || insert(&store, "laptop", Route::Live, next.clone()).await).await;
        acknowledged.extend(next);
    }
    let told: Vec<u64> = place.told(&store).await.iter().map(number).collect();
    store.close().await;
    let found = stored(place);
    if (&found, &told) != (&acknowledged, &acknowledged) {
        return Err(format!("{acknowledged:?} are acknowledged, {found:?} stored, {told:?} told"));
    }
    Ok(())
}

fn number(live: &vibetea_server::store::LiveEvent) -> u64 {
    live.event.id.to_string().trim_start_matches("evt_").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_held_up_is_refused_stores_nothing_and_is_outlived() {
    outlived(&Place::new(), &HELD_UP).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_refused_stores_nothing_and_is_outlived() {
    let begins = PASSING.map(|code| FAILING_COMMIT.replace("WHICH", code));
    let trouble =
        |(code, begin): (&'static str, _)| Trouble { what: code, begin, end: DROP, is_readable: true };
    let troubles: Vec<_> = PASSING.into_iter().zip(begins.iter().map(String::as_str)).map(trouble).collect();
    outlived(&Place::new(), &troubles).await.unwrap();
}

/// Planted bug: what the function that stores could not do is passed over.
#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_is_passed_over_is_seen_by_the_check() {
    for trouble in &HELD_UP[1..] {
        let place = Place::new();
        place.open().await.close().await;
        let text =
            place.column("SELECT pg_get_functiondef('public.bulk_insert_events(jsonb)'::regprocedure)");
        let passed_over = "RETURN inserted; EXCEPTION WHEN lock_not_available OR query_canceled THEN
            RETURN jsonb_array_length(events_json); END";
        let changed = text[0].replace("RETURN inserted;\nEND", passed_over);
        assert_ne!(changed, text[0]);
        place.execute(&changed);
        let told = outlived(&place, std::slice::from_ref(trouble)).await.unwrap_err();
        assert!(told.contains("19] are acknowledged, 10 are read"), "{told}");
    }
}
