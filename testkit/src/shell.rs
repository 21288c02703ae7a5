//! A connection as an administrator with a shell has it: every call waits, wherever it is made.

use std::net::SocketAddr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, ValueRef as _};
use tokio::runtime::Runtime;

/// Longest any statement of a test may take.
const DEADLINE: Duration = Duration::from_mins(1);

/// A connection to one database. Names are looked up in the schema `vibetea` first, then in `public`.
#[derive(Debug)]
pub struct Shell {
    runtime: Option<Runtime>,
    connection: Option<PgConnection>,
}

impl Shell {
    /// Connects as the superuser, or tells why not.
    pub fn try_connect(address: SocketAddr, database: &str) -> Result<Self, sqlx::Error> {
        Self::connect_as("postgres", address, database)
    }

    pub(crate) fn connect_as(user: &str, address: SocketAddr, database: &str) -> Result<Self, sqlx::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = PgConnectOptions::new_without_pgpass()
            .host(&address.ip().to_string())
            .port(address.port())
            .username(user)
            .database(database)
            .options([("search_path", "vibetea,public")])
            .disable_statement_logging();
        let mut shell = Self { runtime: Some(runtime), connection: None };
        let connection = shell.wait(async |_| options.connect().await)?;
        shell.connection = Some(connection);
        Ok(shell)
    }

    /// Runs statements, separated by `;`, and answers how many rows they changed.
    pub fn execute(&mut self, sql: &str) -> u64 {
        self.try_execute(sql).unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// As [`Shell::execute`], where the statement may be refused.
    pub fn try_execute(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.wait(async |connection| {
            statement.execute(open(connection)?).await.map(|done| done.rows_affected())
        })
    }

    /// The rows of a query as the text that the database writes; an empty text for what is null.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let rows = self.wait(async |connection| query.fetch_all(open(connection)?).await);
        rows.unwrap_or_else(|error| panic!("{error}: {sql}")).iter().map(texts).collect()
    }

    /// The first column of a query.
    pub fn column(&mut self, sql: &str) -> Vec<String> {
        self.rows(sql).into_iter().map(|mut row| row.swap_remove(0)).collect()
    }

    /// The one value of a query that has one.
    pub fn value(&mut self, sql: &str) -> String {
        self.column(sql).pop().unwrap_or_else(|| panic!("no row: {sql}"))
    }

    /// On a thread of its own, for a test may itself run on a runtime.
    fn wait<T: Send>(
        &mut self,
        work: impl AsyncFnOnce(&mut Option<PgConnection>) -> Result<T, sqlx::Error> + Send,
    ) -> Result<T, sqlx::Error> {
        let Self { runtime, connection } = self;
        let runtime = runtime.as_ref().expect("the runtime lives as long as the shell");
        let run = move || {
            runtime.block_on(async {
                let work = tokio::time::timeout(DEADLINE, work(connection));
                work.await
                    .unwrap_or_else(|_| Err(sqlx::Error::Protocol("the statement takes for ever".into())))
            })
        };
        std::thread::scope(|scope| scope.spawn(run).join()).expect("a query does not panic")
    }
}

fn open(connection: &mut Option<PgConnection>) -> Result<&mut PgConnection, sqlx::Error> {
    connection.as_mut().ok_or(sqlx::Error::PoolClosed)
}

fn texts(row: &PgRow) -> Vec<String> {
    let text = |at| {
        let value = row.try_get_raw(at).expect("the column is there");
        if value.is_null() { String::new() } else { value.as_str().expect("the answer is text").to_owned() }
    };
    (0..row.len()).map(text).collect()
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // the other side may be gone
            let _ = self.wait(async |_| connection.close().await);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
