//! One empty database for one test.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::{Cluster, OWNER};
use crate::shell::Shell;

/// A database that is owned by an ordinary user and is dropped when this value goes. Clones share it.
#[derive(Debug, Clone)]
pub struct Database(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    cluster: Cluster,
    name: String,
}

impl Database {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        Self::with(cluster, "")
    }

    /// One whose tables are in this folder, which has to last as long as the cluster.
    pub(crate) fn within(cluster: &Cluster, folder: &Path) -> Self {
        let tablespace = format!("CREATE TABLESPACE small LOCATION '{}'", folder.display());
        cluster.administrator().execute(&tablespace);
        Self::with(cluster, "TABLESPACE small")
    }

    fn with(cluster: &Cluster, more: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.administrator().execute(&format!("CREATE DATABASE {name} OWNER {OWNER} {more}"));
        Self(Arc::new(Owned { cluster: cluster.clone(), name }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where a server finds it, as an ordinary user.
    pub fn url(&self) -> String {
        self.url_at(self.0.cluster.address())
    }

    /// The same behind another address, as of a proxy.
    pub fn url_at(&self, address: SocketAddr) -> String {
        format!("postgres://{OWNER}@{address}/{}", self.0.name)
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> &Cluster {
        &self.0.cluster
    }

    /// A superuser's connection.
    pub fn shell(&self) -> Shell {
        Shell::try_connect(self.0.cluster.address(), &self.0.name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A connection of the ordinary user, as a server has it.
    pub fn owners_shell(&self) -> Shell {
        Shell::connect_as(OWNER, self.0.cluster.address(), &self.0.name)
            .unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if self.cluster.is_own() {
            return;
        }
        // not waited for: a test that is over should not take longer
        let _ = Command::new(self.cluster.program("dropdb"))
            .args(["--force", "--if-exists", "--host=127.0.0.1", "--username=postgres"])
            .arg(format!("--port={}", self.cluster.address().port()))
            .arg(&self.name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
    }
}
