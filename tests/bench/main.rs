//! `cargo xtask bench`: what the project promises, measured side by side in one run and printed as ratios.
//!
//! The programs that are measured are the built ones, in processes of their own; the loads come from here and
//! share the machine with them.

mod api;
mod events;
mod fanout;
mod footprint;
mod history;
mod homes;
mod ingest;
mod latency;
mod load;
mod loops;
mod naive;
mod query;
mod report;
mod servers;
mod singles;
mod size;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use report::Report;

/// Measures, side by side in one run. Trust the ratios; the absolute figures are this machine's.
#[derive(Debug, Parser)]
struct Options {
    /// Stored events of the large store that ingest is compared on; `--full` means 10 million
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Ten million stored events instead of one, and a gigabyte of history
    #[arg(long, conflicts_with = "rows")]
    full: bool,
    /// Stored events of the large store that queries are compared on
    #[arg(long, default_value_t = 5_000_000)]
    query_rows: u64,
    /// Megabytes of transcripts that are read as history; `--full` means 1024
    #[arg(long, default_value_t = 256)]
    history_mb: u64,
    /// Rounds of each interleaved comparison; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure these parts alone
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Used by the bench itself: be the server that fan-out is compared with
    #[arg(long, hide = true, num_args = 3, value_names = ["ADDRESS", "SUBSCRIBERS", "EVENTS"])]
    naive_fanout: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Latency,
    Ingest,
    Size,
    Singles,
    Query,
    Api,
    Fanout,
    History,
    Footprint,
    /// SQLite, PostgreSQL and the hosted functions side by side
    Homes,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let [address, subscribers, events] = options.naive_fanout.as_slice() {
        let address: SocketAddr = address.parse()?;
        return runtime.block_on(naive::serve(address, subscribers.parse()?, events.parse()?));
    }
    let rows = if options.full { 10_000_000 } else { options.rows };
    let history_mb = if options.full { 1024 } else { options.history_mb };
    let rounds = options.rounds.max(1);
    let mut report = Report::default();
    runtime.block_on(async {
        for part in Part::value_variants() {
            if !options.only.is_empty() && !options.only.contains(part) {
                continue;
            }
            eprintln!("bench: {part:?}");
            match part {
                Part::Latency => latency::measure(&mut report).await?,
                Part::Ingest => ingest::measure(&mut report, rounds).await?,
                Part::Size => size::measure(&mut report, rows, rounds).await?,
                Part::Singles => singles::measure(&mut report, rounds).await?,
                Part::Query => query::measure(&mut report, options.query_rows).await?,
                Part::Api => api::measure(&mut report, options.query_rows).await?,
                Part::Fanout => fanout::measure(&mut report).await?,
                Part::History => history::measure(&mut report, history_mb, rounds).await?,
                Part::Footprint => footprint::measure(&mut report).await?,
                Part::Homes => homes::measure(&mut report, options.query_rows, rounds).await?,
            }
        }
        report.print();
        Ok(())
    })
}
