//! The same ingest on an empty store and on a large one, with ids as ours and with random ones.

use anyhow::Result;
use vibetea_tests::place::Place;

use crate::events::{Ids, Maker};
use crate::load;
use crate::report::{Aim, Report, median, rate};
use crate::servers::{Server, fill};

const BATCH: usize = 1000;
const BATCHES: usize = 40;
const CONNECTIONS: usize = 4;

pub(crate) async fn measure(report: &mut Report, rows: u64, rounds: usize) -> Result<()> {
    for (ids, name, aim) in
        [(Ids::HourFirst, "ids as ours", Aim::AtLeast(0.6)), (Ids::Random, "random ids", Aim::None)]
    {
        let place = Place::new();
        eprintln!("  filling a store with {rows} events, {name}");
        fill(&place.database(), &mut Maker::past(ids, 21, 60, rows), rows).await?;
        let large = Server::start_in(place);
        let empty = Server::start();
        let (mut on_large, mut on_empty) = (Vec::new(), Vec::new());
        let mut maker = Maker::live(ids, 22);
        for _ in 0..rounds {
            for (server, rates) in [(&large, &mut on_large), (&empty, &mut on_empty)] {
                let requests = server.requests("/ingest", &mut maker, BATCHES, BATCH);
                let took = load::send(server.address(), load::spread(requests, CONNECTIONS)).await?;
                rates.push(rate((BATCH * BATCHES) as u64, took));
            }
        }
        let (on_large, on_empty) = (median(&mut on_large), median(&mut on_empty));
        report.add(format!("ingest on {rows} stored events, {name}"), on_large, "events/s", Aim::None);
        report.add(format!("ingest on an empty store, {name}"), on_empty, "events/s", Aim::None);
        report.add(format!("ingest at {rows} stored events / empty, {name}"), on_large / on_empty, "×", aim);
    }
    Ok(())
}
