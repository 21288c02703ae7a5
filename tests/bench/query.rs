//! `query?days=30` on a small and on a large store, in the server and over HTTP.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use vibetea_server::store::SourceFilter;
use vibetea_tests::answers;
use vibetea_tests::place::{Place, TOKEN};

use crate::events::{Ids, Maker};
use crate::report::{Aim, Report, median};
use crate::servers::{Server, fill, open_store};

const SMALL: u64 = 10_000;
const ASKED: usize = 101;

pub(crate) async fn measure(report: &mut Report, rows: u64) -> Result<()> {
    let (small, large) = (Place::new(), Place::new());
    for (place, count) in [(&small, SMALL), (&large, rows)] {
        eprintln!("  filling a store with {count} events");
        fill(&place.database(), &mut Maker::past(Ids::HourFirst, 41, 60, count), count).await?;
    }
    let stores = [open_store(&small.database()).await?, open_store(&large.database()).await?];
    let mut inside = [Vec::new(), Vec::new()];
    for _ in 0..ASKED {
        for (store, times) in stores.iter().zip(&mut inside) {
            let start = Instant::now();
            let rows = store.get_hourly_aggregates(30, SourceFilter::All).await?;
            times.push(millis(start.elapsed()));
            ensure!(!rows.is_empty(), "the query answers nothing");
        }
    }
    for store in stores {
        store.close().await;
    }
    let servers = [Server::start_in(small), Server::start_in(large)];
    let mut outside = [Vec::new(), Vec::new()];
    for _ in 0..ASKED {
        for (server, times) in servers.iter().zip(&mut outside) {
            let start = Instant::now();
            let answer = answers::get(server.address(), "/query?days=30", &answers::bearer(TOKEN));
            times.push(millis(start.elapsed()));
            ensure!(answer.context("the server answers")?.status == 200, "the query fails");
        }
    }
    let [small, large] = inside.map(|mut times| median(&mut times));
    report.add(format!("query of 30 days in the server, {SMALL} events"), small, "ms", Aim::None);
    report.add(format!("query of 30 days in the server, {rows} events"), large, "ms", Aim::AtMost(1.0));
    report.add("query, large store / small store", large / small, "×", Aim::AtMost(1.5));
    let [small, large] = outside.map(|mut times| median(&mut times));
    report.add(format!("query of 30 days over HTTP, {SMALL} events"), small, "ms", Aim::None);
    report.add(format!("query of 30 days over HTTP, {rows} events"), large, "ms", Aim::None);
    Ok(())
}

pub(crate) fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
