//! The hosted functions: the runtime they need, their checks and their tests.

use std::path::PathBuf;

use anyhow::Result;

use crate::client::{install, npm_in};
use crate::shell::root;

/// Format, lints and types, then the tests against a real PostgreSQL. The runtime and its packages come as the lock file
/// names them, by npm, which knows the machine's proxies and certificates; whole-system tests start the functions with
/// the same ones.
pub(crate) fn test() -> Result<()> {
    install(&folder())?;
    npm_in(&folder(), ["run", "check"]).run()?;
    npm_in(&folder(), ["test"]).run()
}

fn folder() -> PathBuf {
    root().join("compat/supabase")
}
