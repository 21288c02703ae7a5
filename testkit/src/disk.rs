//! A disk that can be full, and that can lose its power: what was written and not synced is gone.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::lack::skip;

/// A file system of its own that can lose its power; needs root.
#[derive(Debug)]
pub struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// One with room for so many bytes, or a word that it cannot be had.
    pub fn new(bytes: u64) -> Option<Self> {
        let disk = Self { folder: tempfile::tempdir().expect("a temporary folder can be made") };
        let image = disk.image();
        std::fs::create_dir(disk.mount_point()).expect("a folder can be made");
        let file = std::fs::File::create(&image).expect("a file can be made");
        file.set_len(bytes).expect("a file can have holes");
        let made = succeeds("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()])
            && disk.mount()
            && succeeds("perl", &["-e", "1"]);
        if !made {
            // the right to mount is for whoever runs the machine to give
            skip("a loop mount", "no loop mount of ext4 here, which takes root, mkfs.ext4 and perl");
        }
        made.then_some(disk)
    }

    /// The folder that is on the disk.
    pub fn mount_point(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Takes all room that is left.
    ///
    /// # Panics
    ///
    /// Where it cannot be filled.
    pub fn fill(&self) {
        let mut ballast = std::fs::File::create(self.ballast()).expect("a file can be made");
        // what is on the disk at last takes less than what was held ready for it
        for size in [1 << 20, 1 << 12, 1 << 12] {
            let piece = vec![1; size];
            let full = loop {
                if let Err(error) = ballast.write_all(&piece) {
                    break error;
                }
            };
            assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
            ballast.sync_all().expect("what was written has room");
        }
    }

    /// Gives back what [`Disk::fill`] took.
    ///
    /// # Panics
    ///
    /// Where it was not filled.
    pub fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("the disk was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.mount_point().join("ballast")
    }

    /// `EXT4_IOC_SHUTDOWN` without flushing the journal: from now on nothing reaches the disk, as without power.
    ///
    /// # Panics
    ///
    /// Where the power stays on.
    pub fn cut(&self) {
        const SHUTDOWN: &str = r#"open(my $disk, "<", $ARGV[0]) or die; my $flags = pack("L", 2);
                                  ioctl($disk, 0x8004587d, $flags) or die "$!""#;
        let at = self.mount_point();
        let is_off = succeeds("perl", &["-e", SHUTDOWN, &at.to_string_lossy()]);
        assert!(is_off, "the power stays on");
    }

    /// What is on the disk after a cut, once the power is back; nobody may have a file of it open.
    ///
    /// # Panics
    ///
    /// Where it cannot be mounted again.
    pub fn come_back(&self) {
        // whoever had a file of it may still be on its way out
        let gives_up = Instant::now() + Duration::from_secs(20);
        while !self.unmount() {
            assert!(Instant::now() < gives_up, "somebody holds the disk");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(self.mount(), "the disk does not come back");
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) -> bool {
        let (image, at) = (self.image(), self.mount_point());
        succeeds("mount", &["-o", "loop", &image.to_string_lossy(), &at.to_string_lossy()])
    }

    fn unmount(&self) -> bool {
        succeeds("umount", &[&self.mount_point().to_string_lossy()])
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
