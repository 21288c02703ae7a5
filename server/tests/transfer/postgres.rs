//! The database of a hosted project.

use std::cell::RefCell;

use vibetea_testkit::{Cluster, Database, Shell};

/// The table as the hosted project's own migration makes it, and a role that may read it.
const HOSTED: &str = r#"
    CREATE TABLE public.events (
        id text PRIMARY KEY,
        source text NOT NULL,
        "timestamp" timestamptz NOT NULL,
        event_type text NOT NULL,
        payload jsonb NOT NULL,
        created_at timestamptz DEFAULT now()
    );
    CREATE INDEX idx_events_timestamp ON public.events ("timestamp" DESC);
    CREATE INDEX idx_events_source ON public.events (source);
    CREATE INDEX idx_events_source_timestamp ON public.events (source, "timestamp" DESC);
    CREATE ROLE {reader} LOGIN;
    GRANT SELECT ON public.events TO {reader};"#;

/// What must never be told.
pub(crate) const PASSWORD: &str = "s3cret-of-the-reader";

/// See the module.
pub(crate) struct Hosted {
    database: Database,
    shell: RefCell<Shell>,
    /// Roles are the cluster's, so that each test has its own.
    pub(crate) reader: String,
}

impl Hosted {
    /// None, with a word, where PostgreSQL is not installed.
    pub(crate) fn new() -> Option<Self> {
        let database = Cluster::shared()?.database();
        let reader = format!("reader_of_{}", database.name());
        let hosted = Self { shell: RefCell::new(database.shell()), database, reader };
        hosted.execute(&HOSTED.replace("{reader}", &hosted.reader));
        Some(hosted)
    }

    /// The address that the role with SELECT alone uses.
    pub(crate) fn url(&self) -> String {
        let address = self.database.cluster().address();
        format!("postgres://{}:{PASSWORD}@{address}/{}", self.reader, self.database.name())
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.shell.borrow_mut().execute(sql);
    }

    pub(crate) fn value(&self, sql: &str) -> String {
        self.shell.borrow_mut().value(sql)
    }

    /// Puts lines of an export into the table.
    pub(crate) fn fill(&self, lines: &str) {
        for lines in lines.lines().collect::<Vec<_>>().chunks(5000) {
            self.execute(&format!(
                r#"INSERT INTO public.events (id, source, "timestamp", event_type, payload)
                   SELECT e->>'id', e->>'source', (e->>'timestamp')::timestamptz, e->>'type', e->'payload'
                   FROM jsonb_array_elements($lines$[{}]$lines$) AS e"#,
                lines.join(",")
            ));
        }
        self.execute("ANALYZE public.events");
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        let role = &self.reader;
        // a failed test may have left connections; the cluster goes with the run anyway
        let _ = self.shell.borrow_mut().try_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}
