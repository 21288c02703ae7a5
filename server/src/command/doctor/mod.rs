//! `vibetea-server doctor`: everything that the server depends on, looked at one by one and changed nowhere. A line never
//! passes for what could not be looked at.

mod access;
mod backups;
mod exposure;
mod line;
mod server;
mod store;

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::json;
use vibetea_protocol::Clock;

use crate::config::{Args, Config, Lookup, StoreArgs, StoreConfig};
use line::{Line, Verdict, as_text};

pub(super) const EXAMPLES: &str = "\
Examples:
  vibetea-server doctor
  vibetea-server doctor --json | jq '.checks[] | select(.status != \"pass\")'

Each line is pass, warn, fail or could not check, with what to do where something is wrong. Nothing is
changed, no lock is taken: a server may run on the store meanwhile.
Exit codes: 0 nothing fails, 1 something does, 2 wrong usage.";

/// How to say it, of which server.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// One JSON object rather than lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn doctor(options: &Options, lookup: Lookup<'_>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let lines = match runtime {
        Ok(runtime) => runtime.block_on(examine(&options.store, lookup)),
        Err(error) => {
            vec![Line::fail("doctor", format!("cannot work here: {error}"), "free resources of this machine")]
        }
    };
    let failed = lines.iter().filter(|line| line.status == Verdict::Fail).count();
    let text = if options.json {
        let mut text =
            serde_json::to_string_pretty(&json!({"checks": lines, "failed": failed})).unwrap_or_default();
        text.push('\n');
        text
    } else {
        as_text(&lines)
    };
    // who reads no further has seen enough
    let _ = io::stdout().write_all(text.as_bytes());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn examine(args: &StoreArgs, lookup: Lookup<'_>) -> Vec<Line> {
    let config = Config::load(&Args::from(args), lookup);
    let mut lines = vec![settings(&config)];
    let clock = Clock::System;
    if let Ok(config) = &config {
        lines.push(server::check(config).await);
    } else {
        lines.push(Line::unchecked("server", "a setting that it needs is wrong"));
    }
    // what is wrong elsewhere does not hide the store
    let registered = if let Ok(config) = StoreConfig::load(args, lookup) {
        store::check(&config.database, &clock, &mut lines).await
    } else {
        lines.push(Line::unchecked("store", "a setting that it needs is wrong"));
        None
    };
    match &config {
        Ok(config) => {
            access::check(config, registered, &mut lines);
            exposure::check(config, clock.now(), &mut lines);
            lines.push(backups::check(config, &clock));
        }
        Err(_) => {
            for check in ["senders", "viewers", "exposure", "backups"] {
                lines.push(Line::unchecked(check, "a setting that it needs is wrong"));
            }
        }
    }
    lines
}

fn settings(config: &Result<Config, crate::config::ConfigError>) -> Line {
    match config {
        Ok(config) if config.warnings.is_empty() => Line::pass("settings", "all can be used"),
        Ok(config) => Line::warn("settings", config.warnings.join("; "), "change what is named"),
        Err(error) => {
            let text = error.to_string();
            let wrong: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
            Line::fail("settings", wrong.join("; "), "change what is named: a flag, a variable or the file")
        }
    }
}
