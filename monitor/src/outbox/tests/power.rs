//! The machine loses its power: what was written and not synced is gone.

use std::process::Command;

use super::small_reader::Bug;
use super::writer::{check, run};
use super::*;

/// A file system of its own that can lose its power; needs root.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// One, or a word that it cannot be had.
    fn new() -> Option<Self> {
        let disk = Self { folder: tempfile::tempdir().unwrap() };
        let image = disk.image();
        std::fs::create_dir(disk.mount_point()).unwrap();
        std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let made = succeeds("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()])
            && disk.mount()
            && succeeds("perl", &["-e", "1"]);
        if !made {
            println!("skipped: no loop mount of ext4 here, which takes root, mkfs.ext4 and perl");
        }
        made.then_some(disk)
    }

    fn image(&self) -> std::path::PathBuf {
        self.folder.path().join("image")
    }

    fn mount_point(&self) -> std::path::PathBuf {
        self.folder.path().join("disk")
    }

    fn store(&self) -> std::path::PathBuf {
        self.mount_point().join("state")
    }

    fn mount(&self) -> bool {
        let (image, at) = (self.image(), self.mount_point());
        succeeds("mount", &["-o", "loop", image.to_str().unwrap(), at.to_str().unwrap()])
    }

    fn unmount(&self) -> bool {
        succeeds("umount", &[self.mount_point().to_str().unwrap()])
    }

    /// `EXT4_IOC_SHUTDOWN` without flushing the journal: from now on nothing reaches the disk, as without power.
    fn cut(&self) {
        const SHUTDOWN: &str = r#"open(my $disk, "<", $ARGV[0]) or die; my $flags = pack("L", 2);
                                  ioctl($disk, 0x8004587d, $flags) or die "$!""#;
        assert!(succeeds("perl", &["-e", SHUTDOWN, self.mount_point().to_str().unwrap()]));
    }

    /// What is on the disk after a cut, once the power is back.
    fn come_back(&self) {
        assert!(self.unmount() && self.mount(), "the disk does not come back");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// Cuts the power of a writer again and again; what the check says, or nothing where there is no such disk.
fn cut_power(rounds: u64, bug: Option<Bug>) -> Option<Result<(), String>> {
    let disk = Disk::new()?;
    let mut delivered = BTreeSet::new();
    for round in 0..rounds {
        // some lines later each time, and at whatever system call the writer is when the cut comes
        let cut_after = 1 + round * 7 % 40;
        let (mut first, mut before) = (None, 0);
        let mut said = run(&[], &disk.store(), bug, 1_000_000, |kept| {
            if kept == *first.get_or_insert(kept) + cut_after {
                before = kept;
                disk.cut();
            }
        });
        // what is said from then on does not count: without power nobody says anything, while a call that is under
        // way in this kernel can end well although its data is dropped
        said.kept = before;
        disk.come_back();
        if let Err(what) = check(&disk.store(), &said, &mut delivered) {
            return Some(Err(format!("round {round}: {what}")));
        }
    }
    Some(Ok(()))
}

#[test]
fn a_power_cut_takes_nothing_that_was_kept() {
    let rounds = if is_soak() { 100 } else { 5 };
    cut_power(rounds, None).unwrap_or(Ok(())).unwrap();
}

#[test]
fn a_store_that_does_not_wait_for_the_disk_is_seen_by_the_check() {
    let Some(outcome) = cut_power(5, Some(Bug::NoSync)) else { return };
    let what = outcome.unwrap_err();
    assert!(what.contains("was kept"), "{what}");
}
