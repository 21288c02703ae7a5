//! Signed batches of a thousand over HTTP, beside a bare loop of the same inserts, beside the plain schema.

use std::time::Instant;

use anyhow::Result;
use vibetea_tests::place::Place;

use crate::events::{Ids, Maker};
use crate::load;
use crate::loops::{Bare, Mirror};
use crate::report::{Aim, Report, median, rate};
use crate::servers::{Server, open_store};

const BATCH: usize = 1000;
const BATCHES: usize = 60;
const CONNECTIONS: usize = 4;

pub(crate) async fn measure(report: &mut Report, rounds: usize) -> Result<()> {
    let server = Server::start();
    let place = Place::new();
    open_store(&place.database()).await?.close().await;
    let mut bare = Bare::open(&place.database())?;
    let mut ordered = Mirror::create(&place.home().join("ordered.db"))?;
    let mut random = Mirror::create(&place.home().join("random.db"))?;
    let (mut ours, mut theirs) = (Maker::live(Ids::HourFirst, 11), Maker::live(Ids::Random, 12));
    let (mut http, mut loops) = (Vec::new(), Vec::new());
    let (mut rows_ordered, mut rows_random) = (Vec::new(), Vec::new());
    let count = (BATCH * BATCHES) as u64;
    for _ in 0..rounds {
        let requests = server.requests("/ingest", &mut ours, BATCHES, BATCH);
        let took = load::send(server.address(), load::spread(requests, CONNECTIONS)).await?;
        http.push(rate(count, took));
        loops.push(timed(&mut ours, |events| bare.insert(events))?);
        rows_ordered.push(timed(&mut ours, |events| ordered.insert(events))?);
        rows_random.push(timed(&mut theirs, |events| random.insert(events))?);
    }
    let (http, loops) = (median(&mut http), median(&mut loops));
    let (rows_ordered, rows_random) = (median(&mut rows_ordered), median(&mut rows_random));
    report.add("signed ingest of 1000 over HTTP, durable", http, "events/s", Aim::None);
    report.add("bare loop, same inserts, in process", loops, "events/s", Aim::None);
    report.add("signed ingest / bare loop", http / loops, "×", Aim::AtLeast(0.6));
    report.add("row by row into the plain schema, ids as ours", rows_ordered, "events/s", Aim::None);
    report.add("signed ingest / row by row, ids as ours", http / rows_ordered, "×", Aim::AtLeast(3.0));
    report.add("row by row into the plain schema, random ids", rows_random, "events/s", Aim::None);
    report.add("signed ingest / row by row, random ids", http / rows_random, "×", Aim::AtLeast(3.0));
    Ok(())
}

fn timed(maker: &mut Maker, mut insert: impl FnMut(&[crate::events::Made]) -> Result<()>) -> Result<f64> {
    let batches: Vec<_> = (0..BATCHES).map(|_| maker.take(BATCH)).collect();
    let start = Instant::now();
    for events in &batches {
        insert(events)?;
    }
    Ok(rate((BATCH * BATCHES) as u64, start.elapsed()))
}
