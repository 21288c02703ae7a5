//! The command lines of joining a server and of changing the key.

#![expect(clippy::doc_markdown, reason = "the comments on the fields are the text of --help")]

use clap::Args;
use vibetea_protocol::enrol::Code;

/// Arguments of `enroll`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct EnrollArgs {
    /// The server, such as https://tea.example.org
    pub url: String,
    /// The code that the server's operator was given: good once, for 15 minutes
    #[arg(long, value_name = "CODE")]
    pub code: Code,
    /// Put server and name into the configuration file in the place of others
    #[arg(long)]
    pub force: bool,
    /// Send the code unencrypted to another machine
    #[arg(long)]
    pub insecure_http: bool,
    /// Install the background service without asking
    #[arg(long, conflicts_with = "no_service")]
    pub install_service: bool,
    /// Install no service and do not ask
    #[arg(long)]
    pub no_service: bool,
}

/// Arguments of `rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// End the old key at once; without it the server takes it for another day
    #[arg(long)]
    pub revoke_old: bool,
}

pub(super) const ENROLL: &str = "\
Examples:
  vibetea-monitor enroll https://tea.example.org --code 7K2M-9QXA
  vibetea-monitor enroll https://tea.example.org/base --code 7K2M-9QXA --install-service
  vibetea-monitor enroll http://127.0.0.1:8080 --code 7K2M-9QXA --no-service

The whole line is what 'vibetea-server enroll NAME' prints on the server. It makes the key if
there is none, has it registered under that name, and writes server_url and source_id into the
configuration file; everything else in that file stays as it is.";

pub(super) const ROTATE: &str = "\
Examples:
  vibetea-monitor rotate
  vibetea-monitor rotate --revoke-old      others may have seen the old key

The old key vouches for the new one. A running monitor takes the new key within seconds, what
waits is signed with it, and events keep their ids: key.ids, beside the key, sees to that.
Where it is broken off, run it again: it goes on where it stopped.";
