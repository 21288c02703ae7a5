//! Arguments of the commands that look at what was sent and at what was refused.

use clap::{Args, Subcommand};
use vibetea_protocol::EventId;

/// Arguments of `audit`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    /// Instead of a list.
    #[command(subcommand)]
    pub task: Option<AuditTask>,
    /// What to list.
    #[command(flatten)]
    pub list: AuditList,
}

/// What `audit` can do beside listing.
#[derive(Debug, Subcommand)]
pub enum AuditTask {
    /// Hash every recorded body again and check its signature with key.pub
    Verify,
}

/// What `audit` lists and how.
#[derive(Debug, Args)]
pub struct AuditList {
    /// One JSON object per request
    #[arg(long)]
    pub json: bool,
    /// The very bytes of each body; with --json, as its field `body`
    #[arg(long)]
    pub bodies: bool,
    /// Only what was sent since then: a time such as 2026-11-25T10:00:00Z, or an age such as 90m, 12h or 7d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only the newest N requests
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u64,
}

/// Arguments of `quarantine`.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    /// What to do.
    #[command(subcommand)]
    pub task: QuarantineTask,
}

/// What can be done with events that a server refused for what they are.
#[derive(Debug, Subcommand)]
pub enum QuarantineTask {
    /// Show the events that were set aside, with the reason
    List {
        /// One JSON object per event
        #[arg(long)]
        json: bool,
    },
    /// Put events back into the queue: all of them, or those named; a running monitor sends them at once
    Retry {
        /// Ids, as `list` shows them
        #[arg(value_name = "ID")]
        ids: Vec<EventId>,
    },
    /// Give events up for good
    Drop {
        /// Ids, as `list` shows them
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<EventId>,
        /// Every event that is set aside
        #[arg(long)]
        all: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
