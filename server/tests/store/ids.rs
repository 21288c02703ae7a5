//! An id is stored once, wherever it is remembered: in the open transaction, in memory, on its way into the table,
//! in the table, or nowhere because the server was started anew.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vibetea_server::store::{Route, Store};

use crate::home::{FORGETFUL, cases};
use crate::support::{Place, id, insert, stored};

const NUMBERS: u64 = 400;

#[derive(Debug, Clone)]
enum Action {
    Insert {
        source: usize,
        live: bool,
        numbers: Vec<u64>,
    },
    /// Several requests at once: most of them share a transaction.
    Together(Vec<(bool, Vec<u64>)>),
    Restart,
    /// A request that fails in its transaction.
    Fail(Vec<u64>),
}

fn action() -> impl Strategy<Value = Action> {
    let numbers = || {
        prop_oneof![
            // a stretch, as a monitor sends, and a handful from anywhere, as a repeat is
            (0..NUMBERS, 1..90_u64).prop_map(|(from, count)| (from..from + count).collect::<Vec<_>>()),
            prop::collection::vec(0..NUMBERS + 90, 1..60),
        ]
    };
    prop_oneof![
        8 => (0..2_usize, any::<bool>(), numbers())
            .prop_map(|(source, live, numbers)| Action::Insert { source, live, numbers }),
        3 => prop::collection::vec((any::<bool>(), numbers()), 2..6).prop_map(Action::Together),
        2 => Just(Action::Restart),
        1 => numbers().prop_map(Action::Fail),
    ]
}

/// Mistakes that the check has to find, as statements behind the server's back.
#[derive(Debug, Clone, Copy, Default)]
struct Planted {
    at_restart: &'static str,
    after_each: &'static str,
}

/// What a store must hold: each id with its first source, and whether it is in the live stream.
#[derive(Debug, Default)]
struct Model(BTreeMap<u64, (usize, bool)>);

impl Model {
    fn insert(&mut self, source: usize, live: bool, numbers: &[u64]) -> u64 {
        let mut inserted = 0;
        for number in numbers {
            let (first, is_live) = self.0.entry(*number).or_insert_with(|| {
                inserted += 1;
                (source, live)
            });
            *is_live |= live && *first == source;
        }
        inserted
    }

    fn live(&self) -> BTreeSet<String> {
        let live = self.0.iter().filter(|(_, (_, live))| *live);
        live.map(|(number, _)| id(*number).to_string()).collect()
    }
}

const SOURCES: [&str; 2] = ["laptop", "desktop"];

async fn open(place: &Place) -> Store {
    place.open_as(place.home.restless_options(), place.recorder()).await.unwrap()
}

fn route(live: bool) -> Route {
    if live { Route::Live } else { Route::Batch }
}

async fn play(actions: &[Action], planted: Planted) -> Result<(), String> {
    let place = Place::new();
    let mut model = Model::default();
    let mut store = open(&place).await;
    for action in actions {
        match action {
            Action::Insert { source, live, numbers } => {
                let inserted = insert(&store, SOURCES[*source], route(*live), numbers.clone()).await;
                let expected = model.insert(*source, *live, numbers);
                if inserted.as_ref().ok() != Some(&expected) {
                    return Err(format!("{inserted:?} instead of {expected}"));
                }
            }
            Action::Together(requests) => {
                let all = requests
                    .iter()
                    .map(|(live, numbers)| insert(&store, SOURCES[0], route(*live), numbers.clone()));
                let inserted: Vec<_> = futures_util::future::join_all(all).await;
                for ((live, numbers), inserted) in requests.iter().zip(inserted) {
                    let expected = model.insert(0, *live, numbers);
                    if inserted.as_ref().ok() != Some(&expected) {
                        return Err(format!("{inserted:?} instead of {expected}"));
                    }
                }
            }
            Action::Restart => {
                place.told(&store).await;
                store.close().await;
                place.execute(planted.at_restart);
                store = open(&place).await;
            }
            Action::Fail(numbers) => {
                place.execute("ALTER TABLE tally RENAME TO hidden");
                let before = stored(&place).len();
                let failed = insert(&store, SOURCES[0], Route::Batch, numbers.clone()).await;
                place.execute("ALTER TABLE hidden RENAME TO tally");
                let added = stored(&place).len() - before;
                if numbers.iter().any(|number| !model.0.contains_key(number)) && failed.is_ok() {
                    return Err("a failed transaction was answered as stored".to_owned());
                }
                if added > 0 {
                    return Err("a failed transaction left something".to_owned());
                }
            }
        }
        place.execute(planted.after_each);
    }
    judge(&place, &store, &model).await
}

async fn judge(place: &Place, store: &Store, model: &Model) -> Result<(), String> {
    let found = stored(place);
    if found != model.0.keys().copied().collect::<Vec<_>>() {
        return Err(format!("{} events instead of {}", found.len(), model.0.len()));
    }
    let told = place.told(store).await;
    let broadcast: Vec<_> = told.iter().map(|live| live.event.id.to_string()).collect();
    let once: BTreeSet<String> = broadcast.iter().cloned().collect();
    if once.len() != broadcast.len() {
        return Err("something was broadcast twice".to_owned());
    }
    if once != model.live() {
        return Err(format!("{} events broadcast instead of {}", once.len(), model.live().len()));
    }
    let mut last = 0;
    for text in broadcast {
        let position = store.position_of(text.parse().unwrap()).await.unwrap();
        let Some(position) = position.filter(|position| *position > last) else {
            return Err(format!("{text} is at {position:?} after {last}"));
        };
        last = position;
    }
    Ok(())
}

fn run(of_a_file: u32, planted: Option<Planted>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config {
        cases: if planted.is_some() { of_a_file } else { cases(of_a_file) },
        failure_persistence: None,
        // what was planted is known
        max_shrink_iters: if planted.is_some() { 0 } else { cases(200) },
        ..Config::default()
    };
    let planted = planted.unwrap_or_default();
    TestRunner::new(config)
        .run(&prop::collection::vec(action(), 1..14), |actions| {
            runtime.block_on(play(&actions, planted)).map_err(TestCaseError::fail)
        })
        .map_err(|error| error.to_string())
}

#[test]
fn an_id_is_stored_and_broadcast_once_wherever_it_is_remembered() {
    run(48, None).unwrap();
}

#[test]
fn a_memory_that_fails_is_seen_by_the_check() {
    for [at_restart, after_each] in FORGETFUL {
        assert!(run(60, Some(Planted { at_restart, after_each })).is_err(), "{at_restart}{after_each}");
    }
}
