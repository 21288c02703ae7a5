-- Sessions, and events by project, type and tool: kept counts like `hourly`. The server writes them in the transaction
-- that stores the events, and catches up with what others stored: `counted` says how far it is.

-- Names of projects (kind 0) and tools (kind 1), per source and bounded in number: what exceeds the bound is `other`.
-- 0 in other tables stands for none.
CREATE TABLE vibetea.name (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    UNIQUE (source, kind, text)
);

CREATE INDEX name_text ON vibetea.name (text, kind);

-- Events per quarter of an hour since 1970. `started`, `completed` and `failed` count the steps of tool calls;
-- `durations` is a histogram of what completed and failed calls took.
CREATE TABLE vibetea.quarterly (
    quarter BIGINT NOT NULL,
    source BIGINT NOT NULL,
    project BIGINT NOT NULL,
    type BIGINT NOT NULL,
    tool BIGINT NOT NULL,
    events BIGINT NOT NULL,
    started BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    durations BYTEA,
    PRIMARY KEY (quarter, source, project, type, tool)
) WITH (fillfactor = 70);

-- The same per day since 1970 (UTC).
CREATE TABLE vibetea.daily (
    day BIGINT NOT NULL,
    source BIGINT NOT NULL,
    project BIGINT NOT NULL,
    type BIGINT NOT NULL,
    tool BIGINT NOT NULL,
    events BIGINT NOT NULL,
    started BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    durations BYTEA,
    PRIMARY KEY (day, source, project, type, tool)
) WITH (fillfactor = 70);

-- The same per 32 days since 1970, so that a year is a dozen rows for each key.
CREATE TABLE vibetea.periodic (
    period BIGINT NOT NULL,
    source BIGINT NOT NULL,
    project BIGINT NOT NULL,
    type BIGINT NOT NULL,
    tool BIGINT NOT NULL,
    events BIGINT NOT NULL,
    started BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    durations BYTEA,
    PRIMARY KEY (period, source, project, type, tool)
) WITH (fillfactor = 70);

-- Times are microseconds since 1970. `ended` is the latest event that says the session ended, -1 without one;
-- `project` is what the latest event with a project names, empty without one.
CREATE TABLE vibetea.session (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    source BIGINT NOT NULL,
    started BIGINT NOT NULL,
    last BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    project TEXT COLLATE "C" NOT NULL,
    project_at BIGINT NOT NULL,
    events BIGINT NOT NULL,
    activities BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    UNIQUE (name, source)
) WITH (fillfactor = 70);

CREATE INDEX session_last ON vibetea.session (last, id);

-- In which quarters of an hour a session has events.
CREATE TABLE vibetea.session_quarter (
    session BIGINT NOT NULL,
    quarter BIGINT NOT NULL,
    PRIMARY KEY (session, quarter)
);

CREATE TABLE vibetea.session_tool (
    session BIGINT NOT NULL,
    tool BIGINT NOT NULL,
    started BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (session, tool)
) WITH (fillfactor = 70);

-- Empty where an event names no agent or no type; `first` is the time of the earliest event.
CREATE TABLE vibetea.session_agent (
    session BIGINT NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    first BIGINT NOT NULL,
    started BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (session, agent, type)
) WITH (fillfactor = 70);

-- Events behind `through` (a `seq`) are not in the tables above yet. Who counts holds this row until the commit.
CREATE TABLE vibetea.counted (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    through BIGINT NOT NULL
);

INSERT INTO vibetea.counted (through) VALUES (0);

CREATE VIEW public.sessions WITH (security_invoker = true) AS
SELECT
    session.name AS session_id,
    source.name AS source,
    nullif(session.project, '') AS project,
    vibetea.moment(session.started) AS started_at,
    vibetea.moment(session.last) AS last_event_at,
    CASE WHEN session.ended >= 0 THEN vibetea.moment(session.ended) END AS ended_at,
    session.events AS event_count,
    session.activities AS activity_count,
    session.errors AS error_count
FROM vibetea.session
JOIN vibetea.source ON source.id = session.source;

CREATE VIEW public.daily_tools WITH (security_invoker = true) AS
SELECT
    date '1970-01-01' + daily.day::int AS date,
    source.name AS source,
    project.text AS project,
    tool.text AS tool,
    daily.started,
    daily.completed,
    daily.failed
FROM vibetea.daily
JOIN vibetea.source ON source.id = daily.source
JOIN vibetea.name AS tool ON tool.id = daily.tool
LEFT JOIN vibetea.name AS project ON project.id = daily.project;

CREATE VIEW public.daily_events WITH (security_invoker = true) AS
SELECT
    date '1970-01-01' + daily.day::int AS date,
    source.name AS source,
    project.text AS project,
    (ARRAY['session', 'activity', 'tool', 'agent', 'summary', 'error'])[daily.type + 1] AS event_type,
    sum(daily.events)::bigint AS event_count
FROM vibetea.daily
JOIN vibetea.source ON source.id = daily.source
LEFT JOIN vibetea.name AS project ON project.id = daily.project
GROUP BY daily.day, source.name, project.text, daily.type;

REVOKE ALL ON public.sessions, public.daily_tools, public.daily_events FROM PUBLIC;

DO $$
DECLARE
    role TEXT;
BEGIN
    IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role')) < 3 THEN
        RETURN;
    END IF;
    FOREACH role IN ARRAY ARRAY['anon', 'authenticated'] LOOP
        EXECUTE format('REVOKE ALL ON public.sessions, public.daily_tools, public.daily_events FROM %I', role);
    END LOOP;
    GRANT ALL ON public.sessions, public.daily_tools, public.daily_events TO service_role;
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA vibetea TO service_role;
END
$$;
