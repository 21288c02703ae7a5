//! `vibetea up`: server and monitor in one process for one machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use clap::Args;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use vibetea_monitor::config::IdentityConfig;
use vibetea_server::config::Access;

use crate::secrets::{self, SecretError};
use crate::settings::{self, Lookup};

const FAILED: u8 = 1;
const MISCONFIGURED: u8 = 78;

const NOTES: &str = "\
Everything is made on the first start and kept: the key in VIBETEA_KEY_PATH, the token and the database in
VIBETEA_DATA_DIR, what was read in VIBETEA_STATE_DIR. The variables of `vibetea server` and `vibetea monitor`
are honoured; keys in VIBETEA_PUBLIC_KEYS are added to the one of this machine.
Exit codes: 0 stopped, 1 failed, 2 wrong usage, 78 wrong configuration.";

/// Options of `up`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    /// Port of the page and of everything else; 0 takes a free one [env: PORT] [default: 8080]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Run the server alone, for monitors that are started elsewhere
    #[arg(long)]
    no_monitor: bool,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

/// Why it does not run; the exit code follows from it.
#[derive(Debug, thiserror::Error)]
enum UpError {
    #[error(transparent)]
    Server(#[from] vibetea_server::config::ConfigError),
    #[error(transparent)]
    Monitor(#[from] vibetea_monitor::config::ConfigError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the configuration cannot be used:\n  {0}")]
    Setting(String),
    #[error("{0:#}")]
    Run(#[from] anyhow::Error),
}

impl UpError {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Server(_) | Self::Monitor(_) | Self::Setting(_) => MISCONFIGURED,
            Self::Secret(error) if error.is_configuration() => MISCONFIGURED,
            Self::Secret(_) | Self::Run(_) => FAILED,
        }
    }
}

/// Runs until it is told to stop; answers the exit code of the program.
pub(crate) fn execute(options: &Options) -> ExitCode {
    match prepare(options, &settings::environment).and_then(|ready| ready.run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vibetea: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Everything that can be wrong before a port is taken has been looked at.
struct Prepared {
    server: vibetea_server::Config,
    /// What follows the address of the page.
    fragment: String,
}

fn prepare(options: &Options, lookup: Lookup<'_>) -> Result<Prepared, UpError> {
    let identity = IdentityConfig::from_lookup(lookup)?;
    let key = secrets::public_key(&identity.key_dir)?;
    let token = match settings::given_token(lookup).map_err(UpError::Setting)? {
        Some(token) => token,
        None => secrets::subscriber_token(&data_dir(lookup)?)?,
    };
    let overlay = settings::for_server(lookup, &identity.source, &key, &token);
    let port = options.port.map(|port| port.to_string());
    let arguments = vibetea_server::config::Args { port, ..Default::default() };
    let server = vibetea_server::Config::load(&arguments, &overlay)?;
    if !server.host.is_loopback() {
        return Err(UpError::Setting(format!(
            "VIBETEA_HOST is {}; `up` is for one machine: a loopback address such as 127.0.0.1 is allowed, \
             and `vibetea server` listens anywhere",
            server.host
        )));
    }
    if server.exposure.tls.is_some() {
        return Err(UpError::Setting(
            "VIBETEA_TLS_CERT is set; `up` is for one machine and speaks plain HTTP on it: no certificate is allowed, and \
             `vibetea server` shows one"
                .into(),
        ));
    }
    if !options.no_monitor {
        monitor_config(lookup, SocketAddr::new(server.host, server.port), server.base_path.as_str())?;
    }
    let fragment = match &server.access {
        Access::Guarded { .. } => format!("#token={}", settings::in_fragment(&token)),
        Access::Open => String::new(),
    };
    Ok(Prepared { server, fragment })
}

fn data_dir(lookup: Lookup<'_>) -> Result<PathBuf, UpError> {
    settings::data_dir(lookup).ok_or_else(|| {
        UpError::Setting(
            "VIBETEA_DATA_DIR is not set, and neither is HOME; allowed: a folder for the data".into(),
        )
    })
}

fn monitor_config(
    lookup: Lookup<'_>,
    server: SocketAddr,
    base_path: &str,
) -> Result<vibetea_monitor::config::Config, UpError> {
    Ok(vibetea_monitor::config::Config::from_lookup(&settings::for_monitor(lookup, server, base_path))?)
}

impl Prepared {
    fn run(self, options: &Options) -> Result<(), UpError> {
        // the one of the two that keeps paths of transcripts out of the log
        vibetea_monitor::telemetry::start_filtered(&self.server.log);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.map_err(anyhow::Error::from)?.block_on(self.serve(options))
    }

    async fn serve(self, options: &Options) -> Result<(), UpError> {
        let stop = CancellationToken::new();
        vibetea_server::shutdown::on_signal(stop.clone()).map_err(anyhow::Error::from)?;
        // the server outlives the monitor, which hands over its last events when it stops
        let server_stop = CancellationToken::new();
        let base_path = self.server.base_path.clone();
        let (ready, bound) = oneshot::channel();
        let server = vibetea_server::run(
            self.server,
            move |address| {
                let _nobody_waits_any_more = ready.send(address);
            },
            server_stop.clone(),
        );
        let mut server = tokio::spawn(server);
        let watched = async {
            let Ok(address) = bound.await else { return Ok(()) };
            let page = format!("http://{address}{base_path}/{}", self.fragment);
            let monitor = if options.no_monitor {
                None
            } else {
                let config = monitor_config(&settings::environment, address, base_path.as_str())?;
                Some(tokio::spawn(vibetea_monitor::run(config, stop.clone())))
            };
            announce(&page, options.open);
            if let Some(monitor) = monitor {
                return flatten(monitor.await);
            }
            stop.cancelled().await;
            Ok(())
        };
        tokio::select! {
            ended = &mut server => return flatten(ended),
            ended = watched => {
                server_stop.cancel();
                ended?;
            }
        }
        flatten(server.await)
    }
}

/// A task's own error, or that it broke off.
fn flatten<E: Into<anyhow::Error>>(
    ended: Result<Result<(), E>, tokio::task::JoinError>,
) -> Result<(), UpError> {
    ended.map_err(anyhow::Error::from)?.map_err(|error| UpError::Run(error.into()))
}

#[expect(clippy::print_stdout, reason = "the one line that this command is asked for")]
fn announce(page: &str, open: bool) {
    println!("Dashboard: {page}");
    if open && !open_in_browser(page) {
        eprintln!("vibetea: no browser could be opened; the address above is the page");
    }
}

/// The address goes to the opener as an argument, which others on this machine can read for a moment.
fn open_in_browser(page: &str) -> bool {
    let openers =
        if cfg!(target_os = "macos") { ["open"].as_slice() } else { ["xdg-open", "wslview"].as_slice() };
    openers.iter().any(|opener| {
        let mut command = std::process::Command::new(opener);
        command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
    })
}
