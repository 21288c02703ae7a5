//! What a person does first with a release: install it, ask for versions, start the server and ask it something.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::PROGRAMS;
use crate::shell::{Step, root};

/// A folder and a server that go when this goes.
struct Trial {
    folder: PathBuf,
    server: Option<Child>,
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // it may have ended by itself
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Installs from the folder of the release with its own installer and has the server answer one request.
pub(super) fn install_and_run(release: &Path) -> Result<()> {
    let folder = release.with_file_name(format!("trial-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut trial = Trial { folder: folder.clone(), server: None };
    let mut install = Command::new("sh");
    install
        .arg(root().join("install.sh"))
        .arg("--from")
        .arg(format!("file://{}", release.display()))
        .args(["--version", env!("CARGO_PKG_VERSION"), "--to"])
        .arg(folder.join("bin"));
    Step::new(install).run()?;
    for program in PROGRAMS {
        let mut version = Command::new(folder.join("bin").join(program));
        version.arg("--version");
        Step::new(version).run()?;
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let program = folder.join("bin/vibetea-server");
    let server = of_its_own(&program, &folder, &port).spawn().context("the server does not start")?;
    trial.server = Some(server);
    let begun = Instant::now();
    loop {
        let mut ask = of_its_own(&program, &folder, &port);
        ask.arg("healthcheck");
        if Step::new(ask).succeeds() {
            eprintln!("xtask: the installed server answers");
            return Ok(());
        }
        ensure!(
            begun.elapsed() < Duration::from_secs(20),
            "the installed server does not answer on port {port}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The server with nothing of this environment, its data in `folder`.
fn of_its_own(program: &Path, folder: &Path, port: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", folder)
        .env("PORT", port)
        .env("VIBETEA_UNSAFE_NO_AUTH", "true")
        .env("RUST_LOG", "error")
        .stdin(Stdio::null());
    command
}
