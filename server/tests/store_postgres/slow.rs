//! A database that is too slow for what waits.

use std::time::Duration;

use futures_util::future::join_all;
use vibetea_server::store::Route;

use crate::home::held_up;
use crate::support::{Place, insert, stored};

const BATCHES: u64 = 40;
const EVENTS: u64 = 30;
/// A statement sleeps two milliseconds for each event, and all that wait together take longer than a statement may.
const SLOWNESS: &str = "CREATE FUNCTION public.slow() RETURNS TRIGGER LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_sleep(count(*) * 0.002) FROM added; RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT ON public.events REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION public.slow()";

/// With groups that stay as large one batch would be stored each time that all are sent: the one that is there first.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_takes_too_long_is_followed_by_smaller_ones() {
    let place = Place::new();
    let (store, gate) = held_up(&place, |options| {
        options.timeout = Duration::from_secs(2);
        options.group_events = 4096;
    })
    .await;
    let batch = |number: u64| 1 + number * EVENTS..1 + (number + 1) * EVENTS;
    let mut left: Vec<u64> = (0..BATCHES).collect();
    let send = async |left: &[u64]| {
        let sent =
            join_all(left.iter().map(|number| insert(&store, "laptop", Route::Batch, batch(*number)))).await;
        left.iter().zip(sent).filter(|(_, outcome)| outcome.is_err()).map(|(number, _)| *number).collect()
    };
    drop(gate);
    // on a slow machine the first, which held the others up, may have waited too long
    while insert(&store, "laptop", Route::Live, [0]).await.is_err() {}
    place.execute(SLOWNESS);
    let mut times = 0;
    while !left.is_empty() {
        left = send(&left).await;
        times += 1;
        assert!(times <= 12, "{} batches are left", left.len());
    }
    assert_eq!(stored(&place), (0..=BATCHES * EVENTS).collect::<Vec<_>>());
}
