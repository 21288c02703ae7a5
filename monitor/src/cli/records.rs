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
    #[command(after_help = VERIFY)]
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

/// What can be done with events that a server refused for what they are.
#[derive(Debug, Subcommand)]
pub enum QuarantineTask {
    /// Show the events that were set aside, with the reason
    #[command(after_help = LIST)]
    List {
        /// One JSON object per event
        #[arg(long)]
        json: bool,
    },
    /// Put events back into the queue: all of them, or those named; a running monitor sends them at once
    #[command(after_help = RETRY)]
    Retry {
        /// Ids, as `list` shows them
        #[arg(value_name = "ID")]
        ids: Vec<EventId>,
    },
    /// Give events up for good
    #[command(after_help = DROP)]
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

pub(super) const AUDIT: &str = "\
Examples:
  vibetea-monitor audit
  vibetea-monitor audit --since 12h --bodies | jq .
  vibetea-monitor audit --json --limit 1 | jq -r .sha256
  vibetea-monitor audit verify

The record is in sent.db in the state folder, for its owner alone, and holds the newest
64 MiB: bodies as they were sent, which is redacted events and nothing else. A request is
recorded before it is sent; a power cut may take the last seconds of the record.
'verify' exits with status 1 if a body or a signature is not what was sent.";

pub(super) const QUARANTINE: &str = "\
Examples:
  vibetea-monitor quarantine list
  vibetea-monitor quarantine retry         all of them, once the server takes them
  vibetea-monitor quarantine drop evt_4f0k2m8c1q7x9z3a5b6d

Works beside a running monitor and without one.";

const VERIFY: &str = "\
Examples:
  vibetea-monitor audit verify
  vibetea-monitor --key-path /mnt/old/keys audit verify

Exit status 1 if a body or a signature is not what was sent.";

const LIST: &str = "\
Examples:
  vibetea-monitor quarantine list
  vibetea-monitor quarantine list --json | jq -r .reason | sort | uniq -c

The newest 10000 are kept.";

const RETRY: &str = "\
Examples:
  vibetea-monitor quarantine retry
  vibetea-monitor quarantine retry evt_4f0k2m8c1q7x9z3a5b6d

What a server still refuses is set aside again.";

const DROP: &str = "\
Examples:
  vibetea-monitor quarantine drop evt_4f0k2m8c1q7x9z3a5b6d
  vibetea-monitor quarantine drop --all --yes

A dropped event is lost for that server.";
