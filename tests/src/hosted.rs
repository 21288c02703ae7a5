//! The hosted functions over a PostgreSQL of their own, in a process of their own (`compat/supabase`).

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::place::TOKEN;

/// Running functions; they and their database end when this value goes.
#[derive(Debug)]
pub struct Hosted {
    child: Child,
    /// Where `/functions/v1/ingest` and `/functions/v1/query` are.
    pub address: SocketAddr,
    /// The database behind them, as its owner.
    pub database: String,
}

impl Hosted {
    /// Starts them with these `source:key` pairs, over an empty database; `None`, with a word, where PostgreSQL is
    /// not installed.
    pub fn start(public_keys: &str) -> Option<Self> {
        Self::start_with(public_keys, &[])
    }

    /// The same over an empty database that runs already, at an address whose role may make roles.
    pub fn start_over(public_keys: &str, database: &str) -> Option<Self> {
        Self::start_with(public_keys, &[format!("--database={database}")])
    }

    fn start_with(public_keys: &str, arguments: &[String]) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compat/supabase");
        let deno = folder.join("node_modules/.bin/deno");
        assert!(
            deno.exists(),
            "Deno is not installed; run `npm ci` in compat/supabase, or `cargo xtask test`"
        );
        let mut child = Command::new(deno)
            .args(["run", "--quiet", "--node-modules-dir=manual", "--allow-all", "functions/tests/serve.ts"])
            .args(arguments)
            .current_dir(folder)
            .env("VIBETEA_PUBLIC_KEYS", public_keys)
            .env("VIBETEA_SUBSCRIBER_TOKEN", TOKEN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Deno starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("standard output can be read");
        let told: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the functions did not start: {line:?}"));
        if let Some(missing) = told["missing"].as_str() {
            vibetea_testkit::lack::skip("postgresql", missing);
            child.wait().expect("Deno ends");
            return None;
        }
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        let address =
            text("url").trim_start_matches("http://").parse().expect("the address of the functions");
        Some(Self { child, address, database: text("database") })
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        // the end of its standard input ends it, its database included
        drop(self.child.stdin.take());
        // an error says that it has ended already
        let _ = self.child.wait();
    }
}
