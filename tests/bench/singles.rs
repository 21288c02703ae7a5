//! One event per request from 64 clients at once: commits are shared.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use vibetea_tests::place::{Place, source};

use crate::events::{Ids, Maker};
use crate::load;
use crate::loops::Bare;
use crate::report::{Aim, Report, median, rate};
use crate::servers::{Server, batch, open_store};

const CLIENTS: usize = 64;
const STORED: usize = 64_000;
const SINGLY: usize = 3000;
const REQUESTS: usize = 32_000;

pub(crate) async fn measure(report: &mut Report, rounds: usize) -> Result<()> {
    let (grouped_place, single_place, server) = (Place::new(), Place::new(), Server::start());
    let store = open_store(&grouped_place.database()).await?;
    open_store(&single_place.database()).await?.close().await;
    let mut single = Bare::open(&single_place.database())?;
    let mut maker = Maker::live(Ids::HourFirst, 31);
    let source = Arc::new(source());
    let (mut grouped, mut alone, mut one_each) = (Vec::new(), Vec::new(), Vec::new());
    let (mut live, mut ingest) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // what happens at one time is written at one time
        let mut shares = vec![Vec::new(); CLIENTS];
        for (event, client) in maker.take(STORED).into_iter().zip((0..CLIENTS).cycle()) {
            shares[client].push(event);
        }
        let start = Instant::now();
        let clients: Vec<_> = shares
            .into_iter()
            .map(|events| {
                let (store, source) = (store.clone(), Arc::clone(&source));
                tokio::spawn(async move {
                    for event in events {
                        store.bulk_insert_events(batch(vec![event], &source)).await?;
                    }
                    Ok::<(), vibetea_server::store::StoreError>(())
                })
            })
            .collect();
        for client in clients {
            client.await??;
        }
        grouped.push(rate(STORED as u64, start.elapsed()));
        let events = maker.take(SINGLY);
        let start = Instant::now();
        for event in events {
            store.bulk_insert_events(batch(vec![event], &source)).await?;
        }
        alone.push(rate(SINGLY as u64, start.elapsed()));
        let events = maker.take(SINGLY);
        let start = Instant::now();
        events.chunks(1).try_for_each(|event| single.insert(event))?;
        one_each.push(rate(SINGLY as u64, start.elapsed()));
        for (path, rates) in [("/events", &mut live), ("/ingest", &mut ingest)] {
            let requests = server.requests(path, &mut maker, REQUESTS, 1);
            let took = load::send(server.address(), load::spread(requests, CLIENTS)).await?;
            rates.push(rate(REQUESTS as u64, took));
        }
    }
    store.close().await;
    let (grouped, alone, one_each) = (median(&mut grouped), median(&mut alone), median(&mut one_each));
    report.add("64 writers, one event each, in the store", grouped, "events/s", Aim::None);
    report.add("one writer, one event each, in the store", alone, "events/s", Aim::None);
    report.add("one commit per event, bare loop that keeps hours alone", one_each, "events/s", Aim::None);
    report.add("64 writers / one writer, each with one event", grouped / alone, "×", Aim::AtLeast(15.0));
    report.add("64 writers / bare loop", grouped / one_each, "×", Aim::None);
    report.add(
        "64 clients, one signed event per POST /events, on disk",
        median(&mut live),
        "events/s",
        Aim::AtLeast(18_000.0),
    );
    report.add("the same, POST /ingest", median(&mut ingest), "events/s", Aim::None);
    Ok(())
}
