//! The three homes with clocks that stand still, at the same moment: the servers run in this process by a clock of the
//! test's, and the function that the hosted `query` calls is given that moment in place of `now()`.

use std::net::SocketAddr;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use vibetea_protocol::{Clock, Timestamp};
use vibetea_server::config::{Args, Config};
use vibetea_testkit::{Cluster, Database};
use vibetea_tests::hosted::Hosted;
use vibetea_tests::place::TOKEN;

const READY: Duration = Duration::from_mins(1);
const DEFINITION: &str = "SELECT pg_get_functiondef('public.get_hourly_aggregates(int, text)'::regprocedure)";

/// See the module.
pub(crate) struct Still {
    clock: Clock,
    runtime: Runtime,
    stop: CancellationToken,
    servers: [SocketAddr; 2],
    hosted: Hosted,
    /// The text of the hosted function as it was made.
    definition: String,
    _folders: [TempDir; 2],
    _database: Database,
}

impl Still {
    /// `None`, with a word, where PostgreSQL is not installed.
    pub(crate) fn start(keys: &str) -> Option<Self> {
        let database = Cluster::shared()?.database();
        let hosted = Hosted::start(keys)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let (clock, stop) = (Clock::fixed(Timestamp::from_micros(0).unwrap()), CancellationToken::new());
        let start = |url: String, folder: &TempDir| {
            let config = config(keys, &url, folder);
            let (ready, bound) = oneshot::channel();
            let tell = move |address| {
                // nobody waits for it any more where the test has failed
                let _ = ready.send(address);
            };
            runtime.spawn(vibetea_server::run_by(config, clock.clone(), tell, stop.clone()));
            runtime.block_on(async { tokio::time::timeout(READY, bound).await.unwrap().unwrap() })
        };
        let servers = [start(String::new(), &folders[0]), start(database.url(), &folders[1])];
        let definition: String = runtime.block_on(async {
            let mut connection = PgConnection::connect(&hosted.database).await.unwrap();
            sqlx::query_scalar(DEFINITION).fetch_one(&mut connection).await.unwrap()
        });
        Some(Self {
            clock,
            runtime,
            stop,
            servers,
            hosted,
            definition,
            _folders: folders,
            _database: database,
        })
    }

    pub(crate) fn addresses(&self) -> [SocketAddr; 3] {
        [self.servers[0], self.servers[1], self.hosted.address]
    }

    /// Sets all clocks.
    pub(crate) fn stand_at(&self, now: Timestamp) {
        self.servers_stand_at(now);
        self.hosted_stands_at(&format!("timestamptz '{now}'"));
    }

    pub(crate) fn servers_stand_at(&self, now: Timestamp) {
        self.clock.set(now);
    }

    /// To what SQL makes of this.
    pub(crate) fn hosted_stands_at(&self, now: &str) {
        assert_eq!(self.definition.matches("now()").count(), 1, "{}", self.definition);
        let sql = sqlx::AssertSqlSafe(self.definition.replace("now()", now));
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.hosted.database).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        });
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn config(keys: &str, url: &str, folder: &TempDir) -> Config {
    let folder = folder.path().to_string_lossy().into_owned();
    let lookup = |name: &str| {
        let value = match name {
            "PORT" => "0",
            "VIBETEA_DATA_DIR" => &folder,
            "VIBETEA_DATABASE_URL" => url,
            "VIBETEA_PUBLIC_KEYS" => keys,
            "VIBETEA_SUBSCRIBER_TOKEN" => TOKEN,
            _ => "",
        };
        (!value.is_empty()).then(|| value.to_owned())
    };
    Config::load(&Args::default(), &lookup).unwrap()
}
