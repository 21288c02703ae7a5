//! A release as `install.sh` finds it: an archive of programs for this kind of machine, and the checksums beside it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// The programs of every release.
pub const PROGRAMS: [&str; 3] = ["vibetea", "vibetea-server", "vibetea-monitor"];

/// See the module.
#[derive(Debug)]
pub struct Release {
    folder: PathBuf,
    name: String,
}

impl Release {
    /// Makes one in an empty folder; each program is a shell script of this text.
    pub fn make(folder: &Path, version: &str, programs: &[&str], script: impl Fn(&str) -> String) -> Self {
        let name = format!("vibetea-{version}-{}-unknown-linux-musl", std::env::consts::ARCH);
        let release = Self { folder: folder.to_owned(), name };
        let staged = folder.join(&release.name);
        std::fs::create_dir_all(&staged).expect("a folder can be made");
        for program in programs {
            let text = format!("#!/bin/sh\n{}\n", script(program));
            std::fs::write(staged.join(program), text).expect("a program can be written");
        }
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(release.archive()).arg("-C").arg(folder).arg(&release.name);
        assert!(tar.status().expect("`tar` exists").success(), "the archive cannot be made");
        let mut hash = String::new();
        for byte in Sha256::digest(std::fs::read(release.archive()).expect("the archive was made")) {
            let _ = write!(hash, "{byte:02x}");
        }
        let sums = format!("{hash}  {0}.tar.gz\n{hash}  {0}.cdx.json\n", release.name);
        std::fs::write(release.sums(), sums).expect("the checksums can be written");
        release
    }

    /// The archive.
    pub fn archive(&self) -> PathBuf {
        self.folder.join(format!("{}.tar.gz", self.name))
    }

    /// The list of checksums.
    pub fn sums(&self) -> PathBuf {
        self.folder.join("SHA256SUMS")
    }

    /// Where an installer finds it.
    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }
}
