//! A small file system of its own, which can be filled and made read-only.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Mount(TempDir);

impl Mount {
    /// None, with a word, where mounting is not permitted.
    pub(crate) fn new(options: &str) -> Option<Self> {
        let point = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(point.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            println!("skipped: mounting a small file system is not permitted here");
        }
        mounted.then_some(Self(point))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Mounts it again with that option.
    pub(crate) fn change(&self, option: &str) {
        let option = format!("remount,{option}");
        let status = Command::new("mount").args(["-o", &option]).arg(self.0.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // lazily, for a failed test may have left the database open
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}
