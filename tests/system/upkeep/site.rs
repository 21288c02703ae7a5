//! A server's place with a store of either kind.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use vibetea_protocol::signing::sign_body;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_testkit::{Cluster, Database};
use vibetea_tests::answers::{self, Answer};
use vibetea_tests::place::{Place, SOURCE};
use vibetea_tests::program::{Ended, Program, loopback};
use vibetea_tests::stored;

pub(super) const LONG: Duration = Duration::from_mins(1);

/// See the module.
pub(super) struct Site {
    pub(super) place: Place,
    database: Option<Database>,
    key: String,
    signer: SigningKey,
}

impl Site {
    pub(super) fn sqlite() -> Self {
        let place = Place::new();
        let key = place.make_keys();
        let signer = SigningKey::from_bytes(&place.private_key());
        Self { place, database: None, key, signer }
    }

    /// None, with a word, where PostgreSQL is not installed.
    pub(super) fn postgres() -> Option<Self> {
        let database = Cluster::shared()?.database();
        Some(Self { database: Some(database), ..Self::sqlite() })
    }

    /// One of each kind.
    pub(super) fn both() -> impl Iterator<Item = Self> {
        std::iter::once(Self::sqlite()).chain(Self::postgres())
    }

    /// Another, empty one of the same kind and with the same keys.
    pub(super) fn like(&self) -> Self {
        let other = if self.is_sqlite() { Self::sqlite() } else { Self::postgres().unwrap() };
        Self { key: self.key.clone(), signer: self.signer.clone(), ..other }
    }

    pub(super) fn is_sqlite(&self) -> bool {
        self.database.is_none()
    }

    fn url(&self) -> Option<String> {
        self.database.as_ref().map(Database::url)
    }

    /// Starts the server with more variables and waits until it can store.
    pub(super) fn start_with(&self, more: &[(&'static str, &str)]) -> Program {
        let url = self.url();
        let mut variables: Vec<(&'static str, &str)> = more.to_vec();
        variables.extend(url.as_deref().map(|url| ("VIBETEA_DATABASE_URL", url)));
        self.place.start_server_with(&self.key, &variables)
    }

    pub(super) fn start(&self) -> Program {
        self.start_with(&[])
    }

    pub(super) fn stop(server: Program) {
        server.terminate();
        let ended = server.wait(LONG);
        assert!(ended.status.success(), "{}", ended.stderr);
    }

    /// Starts a command of the server's program, under another one if need be.
    pub(super) fn command_under<A: AsRef<OsStr>>(&self, wrapper: &[&str], arguments: &[A]) -> Program {
        let (port, keys) = (self.place.port.to_string(), format!("{SOURCE}:{}", self.key));
        let url = self.url();
        let mut variables = vec![
            ("PORT", port.as_str()),
            ("VIBETEA_PUBLIC_KEYS", &keys),
            ("RUST_LOG", "warn"),
            ("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ];
        variables.extend(url.as_deref().map(|url| ("VIBETEA_DATABASE_URL", url)));
        // what the server says is kept elsewhere
        let logs = self.place.home().join("command");
        std::fs::create_dir_all(&logs).unwrap();
        let environment = self.place.environment_and(&variables);
        Program::start_under(wrapper, "vibetea-server", arguments, environment, &logs)
    }

    pub(super) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ended {
        self.command_under(&[], arguments).wait(LONG)
    }

    /// The first line of a command that has to succeed.
    pub(super) fn says<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let ended = self.command(arguments);
        assert!(ended.status.success(), "{}", ended.stderr);
        ended.stdout.trim().to_owned()
    }

    /// The words of a command that has to fail.
    pub(super) fn refuses<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let ended = self.command(arguments);
        assert_eq!(ended.status.code(), Some(1), "{}{}", ended.stdout, ended.stderr);
        ended.stderr
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.place.home().join(name)
    }

    /// Sends events by a route; `None` where no answer comes.
    pub(super) fn post(&self, path: &str, events: &[Value]) -> Option<Answer> {
        let body = serde_json::to_vec(events).unwrap();
        let headers =
            [format!("X-Source-ID: {SOURCE}"), format!("X-Signature: {}", sign_body(&self.signer, &body))];
        answers::post(loopback(self.place.port), path, &headers, &body)
    }

    /// Sends events that have to be taken.
    pub(super) fn take(&self, path: &str, events: &[Value]) -> Answer {
        let answer = self.post(path, events).expect("an answer");
        assert!(answer.status < 300, "{answer:?}");
        answer
    }

    /// Every stored id, past the server.
    pub(super) fn ids(&self) -> Vec<String> {
        match &self.database {
            None => stored::ids(&self.place.database()).unwrap_or_default(),
            Some(database) => {
                let mut shell = database.shell();
                if shell.value("SELECT to_regclass('public.events')").is_empty() {
                    return Vec::new();
                }
                shell.column("SELECT id FROM public.events")
            }
        }
    }

    /// Loses everything that is stored; no server runs.
    pub(super) fn wipe(&self) {
        match &self.database {
            None => std::fs::remove_dir_all(self.place.data()).unwrap(),
            Some(database) => {
                database.shell().execute("DROP SCHEMA vibetea CASCADE; DROP TABLE public.events CASCADE");
                database.shell().execute(
                    "DROP FUNCTION public.bulk_insert_events(JSONB), public.get_hourly_aggregates(INT, TEXT)",
                );
            }
        }
    }

    /// Runs statements past the server.
    pub(super) fn execute(&self, sql: &str) {
        match &self.database {
            None => rusqlite::Connection::open(self.place.database()).unwrap().execute_batch(sql).unwrap(),
            Some(database) => {
                database.shell().execute(sql);
            }
        }
    }

    /// A figure of `/metrics`.
    pub(super) fn metric(&self, name: &str) -> Option<f64> {
        let answer = answers::get(loopback(self.place.port), "/metrics", &[])?;
        answer.body.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}

pub(super) fn id(number: u64) -> String {
    format!("evt_{number:020}")
}

/// Tool events of these numbers, now.
pub(super) fn events(numbers: std::ops::Range<u64>) -> Vec<Value> {
    numbers.map(|number| event(number, Clock::System.now())).collect()
}

pub(super) fn event(number: u64, timestamp: Timestamp) -> Value {
    json!({
        "id": id(number), "source": SOURCE, "timestamp": timestamp, "type": "tool",
        "payload": { "sessionId": format!("s-{}", number / 50), "tool": "Read", "status": "started", "project": "tab\tand \\ ü" },
    })
}
