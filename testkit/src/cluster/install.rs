//! Where `PostgreSQL`'s programs are, and as whom they may run.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lack::skip;

/// The oldest version that is tested with.
const OLDEST: u32 = 15;

/// An installed `PostgreSQL`.
#[derive(Debug)]
pub(super) struct Install {
    programs: PathBuf,
    /// User and group of the processes, where they must not be ours: `PostgreSQL` does not run as root.
    user: Option<(u32, u32)>,
}

impl Install {
    /// The newest one that is new enough; `None`, with a word, where there is none.
    pub(super) fn find() -> Option<Self> {
        let mut folders: Vec<PathBuf> =
            output("pg_config", &["--bindir"]).map(PathBuf::from).into_iter().collect();
        for base in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
            let versions = std::fs::read_dir(base).into_iter().flatten().flatten();
            folders.extend(versions.map(|version| version.path().join("bin")));
        }
        let found = folders.into_iter().filter_map(|programs| Some((version(&programs)?, programs))).max();
        let Some((version, programs)) = found else {
            skip("postgresql", "no PostgreSQL server is installed here");
            return None;
        };
        if version < OLDEST {
            skip("postgresql", &format!("PostgreSQL {version} is older than {OLDEST}"));
            return None;
        }
        let user = if rustix::process::geteuid().is_root() {
            let id = |user: &str, what| output("id", &[what, user])?.parse().ok();
            let user =
                ["postgres", "nobody"].into_iter().find_map(|user| Some((id(user, "-u")?, id(user, "-g")?)));
            if user.is_none() {
                skip("postgresql", "PostgreSQL does not run as root, and there is no user `postgres`");
                return None;
            }
            user
        } else {
            None
        };
        Some(Self { programs, user })
    }

    /// One of its programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A command line of one of its programs, run as a user who may.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// Makes a folder that this user alone can use.
    pub(super) fn make_folder(&self, path: &Path) -> std::io::Result<()> {
        std::fs::create_dir(path)?;
        self.user.map_or(Ok(()), |(user, group)| std::os::unix::fs::chown(path, Some(user), Some(group)))
    }

    /// Copies a secret to where this user alone can read it.
    pub(super) fn give(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::copy(from, to)?;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600))?;
        self.user.map_or(Ok(()), |(user, group)| std::os::unix::fs::chown(to, Some(user), Some(group)))
    }
}

/// Of `postgres (PostgreSQL) 15.7 (Debian …)`.
fn version(programs: &Path) -> Option<u32> {
    let text = output(programs.join("postgres").to_str()?, &["--version"])?;
    let number = text.split(' ').find_map(|word| word.split('.').next()?.parse().ok())?;
    programs.join("initdb").exists().then_some(number)
}

/// What a program prints, where there is such a program and it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
