//! On which kind of file system a file is: SQLite's log needs locks and shared memory that networks do not give.

use std::path::{Path, PathBuf};

/// Whether a database belongs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSystem {
    /// Of this machine.
    Local(String),
    /// On another machine, or shared with one: two servers on one database would not see each other's locks.
    Network(String),
    /// By a program of a user's: what it promises is unknown.
    Fuse(String),
    /// The system does not tell.
    Unknown,
}

impl FileSystem {
    /// Of a file or folder that is there.
    pub fn of(path: &Path) -> Self {
        let told = path.canonicalize().and_then(|path| {
            std::fs::read_to_string("/proc/self/mountinfo").map(|mounts| Self::find(&mounts, &path))
        });
        told.unwrap_or(Self::Unknown)
    }

    fn find(mounts: &str, path: &Path) -> Self {
        let mut found: Option<(PathBuf, &str)> = None;
        for (point, kind) in mounts.lines().filter_map(mount) {
            // of several at one place the last one is in sight
            let is_nearer =
                found.as_ref().is_none_or(|(other, _)| point.as_os_str().len() >= other.as_os_str().len());
            if path.starts_with(&point) && is_nearer {
                found = Some((point, kind));
            }
        }
        match found {
            None => Self::Unknown,
            Some((_, kind)) if is_network(kind) => Self::Network(kind.to_owned()),
            Some((_, kind)) if kind.starts_with("fuse") => Self::Fuse(kind.to_owned()),
            Some((_, kind)) => Self::Local(kind.to_owned()),
        }
    }

    /// What an operator should hear of it; nothing of a good place.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Network(kind) => Some(format!(
                "the database is on a network file system ({kind}), where it can be damaged: use a disk of this machine, or PostgreSQL"
            )),
            Self::Fuse(kind) => Some(format!(
                "the database is on a file system of a user's program ({kind}), whose promises are unknown: a disk of this machine is better"
            )),
            Self::Local(_) | Self::Unknown => None,
        }
    }
}

fn is_network(kind: &str) -> bool {
    matches!(
        kind,
        "9p" | "afs"
            | "beegfs"
            | "ceph"
            | "cifs"
            | "coda"
            | "fuse.ceph"
            | "fuse.glusterfs"
            | "fuse.s3fs"
            | "fuse.sshfs"
            | "gfs2"
            | "glusterfs"
            | "lustre"
            | "ncpfs"
            | "nfs"
            | "nfs4"
            | "ocfs2"
            | "smb3"
            | "smbfs"
            | "virtiofs"
    )
}

/// Where something is mounted and what kind it is, from a line of `mountinfo`.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (mount, device) = line.split_once(" - ")?;
    let point = mount.split(' ').nth(4)?;
    let point =
        point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
    Some((point.into(), device.split(' ').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 22 0:31 / /srv/data\\040base rw shared:2 - nfs4 server:/export rw
37 22 0:32 / /srv/data rw shared:2 - fuse.bindfs x rw
38 37 0:33 / /srv/data rw shared:2 - xfs /dev/sdb rw
39 22 0:34 / /home/me/remote rw - fuse.sshfs me@there: rw
40 22 0:35 / /home/me/win rw - fuseblk /dev/sdc rw
";

    #[test]
    fn the_nearest_and_last_mount_tells_the_kind() {
        let find = |path: &str| FileSystem::find(MOUNTS, Path::new(path));
        for (path, expected) in [
            ("/var/lib/vibetea.db", FileSystem::Local("ext4".into())),
            ("/srv/data base/vibetea.db", FileSystem::Network("nfs4".into())),
            ("/srv/data/vibetea.db", FileSystem::Local("xfs".into())),
            ("/srv/database/vibetea.db", FileSystem::Local("ext4".into())),
            ("/home/me/remote/x.db", FileSystem::Network("fuse.sshfs".into())),
            ("/home/me/win/x.db", FileSystem::Fuse("fuseblk".into())),
        ] {
            assert_eq!(find(path), expected, "{path}");
        }
        assert_eq!(FileSystem::find("nonsense\n", Path::new("/x")), FileSystem::Unknown);
        assert!(find("/srv/data base/x").warning().unwrap().contains("nfs4"));
        assert_eq!(find("/x").warning(), None);
    }
}
