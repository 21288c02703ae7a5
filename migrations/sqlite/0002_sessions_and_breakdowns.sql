-- Sessions, and events by project, type and tool: kept counts like `hourly`, written in the transaction that stores
-- the events. What was stored before is counted by the server at its next start, see `uncounted`.

-- Names of projects (kind 0) and tools (kind 1), per source and bounded in number: what exceeds the bound is `other`.
-- 0 in other tables stands for none.
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (source, kind, text)
) STRICT;

CREATE INDEX name_text ON name (text, kind);

-- Events per quarter of an hour since 1970. `started`, `completed` and `failed` count the steps of tool calls;
-- `durations` is a histogram of what completed and failed calls took.
CREATE TABLE quarterly (
    quarter INTEGER NOT NULL,
    source INTEGER NOT NULL,
    project INTEGER NOT NULL,
    type INTEGER NOT NULL,
    tool INTEGER NOT NULL,
    events INTEGER NOT NULL,
    started INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    durations BLOB,
    PRIMARY KEY (quarter, source, project, type, tool)
) STRICT, WITHOUT ROWID;

-- The same per day since 1970 (UTC).
CREATE TABLE daily (
    day INTEGER NOT NULL,
    source INTEGER NOT NULL,
    project INTEGER NOT NULL,
    type INTEGER NOT NULL,
    tool INTEGER NOT NULL,
    events INTEGER NOT NULL,
    started INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    durations BLOB,
    PRIMARY KEY (day, source, project, type, tool)
) STRICT, WITHOUT ROWID;

-- The same per 32 days since 1970, so that a year is a dozen rows for each key.
CREATE TABLE periodic (
    period INTEGER NOT NULL,
    source INTEGER NOT NULL,
    project INTEGER NOT NULL,
    type INTEGER NOT NULL,
    tool INTEGER NOT NULL,
    events INTEGER NOT NULL,
    started INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    durations BLOB,
    PRIMARY KEY (period, source, project, type, tool)
) STRICT, WITHOUT ROWID;

-- Times are microseconds since 1970. `ended` is the latest event that says the session ended, -1 without one;
-- `project` is what the latest event with a project names, empty without one.
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    source INTEGER NOT NULL,
    started INTEGER NOT NULL,
    last INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    project TEXT NOT NULL,
    project_at INTEGER NOT NULL,
    events INTEGER NOT NULL,
    activities INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    UNIQUE (name, source)
) STRICT;

CREATE INDEX session_last ON session (last);

-- In which quarters of an hour a session has events.
CREATE TABLE session_quarter (
    session INTEGER NOT NULL,
    quarter INTEGER NOT NULL,
    PRIMARY KEY (session, quarter)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_tool (
    session INTEGER NOT NULL,
    tool INTEGER NOT NULL,
    started INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (session, tool)
) STRICT, WITHOUT ROWID;

-- Empty where an event names no agent or no type; `first` is the time of the earliest event.
CREATE TABLE session_agent (
    session INTEGER NOT NULL,
    agent TEXT NOT NULL,
    type TEXT NOT NULL,
    first INTEGER NOT NULL,
    started INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (session, agent, type)
) STRICT, WITHOUT ROWID;

-- Events from `next` to `last` (places in `event`) are not counted in the tables above yet.
CREATE TABLE uncounted (
    next INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;

INSERT INTO uncounted (next, last)
SELECT min(seq), max(seq) FROM event HAVING count(*) > 0;

CREATE VIEW sessions (session_id, source, project, started_at, last_event_at, ended_at, event_count, activity_count,
    error_count) AS
SELECT
    session.name,
    source.name,
    nullif(session.project, ''),
    strftime('%Y-%m-%dT%H:%M:%S', session.started / 1000000, 'unixepoch') || printf('.%06dZ', session.started % 1000000),
    strftime('%Y-%m-%dT%H:%M:%S', session.last / 1000000, 'unixepoch') || printf('.%06dZ', session.last % 1000000),
    CASE WHEN session.ended >= 0 THEN
        strftime('%Y-%m-%dT%H:%M:%S', session.ended / 1000000, 'unixepoch') || printf('.%06dZ', session.ended % 1000000)
    END,
    session.events,
    session.activities,
    session.errors
FROM session
JOIN source ON source.id = session.source;

CREATE VIEW daily_tools (date, source, project, tool, started, completed, failed) AS
SELECT
    date(daily.day * 86400, 'unixepoch'),
    source.name,
    project.text,
    tool.text,
    daily.started,
    daily.completed,
    daily.failed
FROM daily
JOIN source ON source.id = daily.source
JOIN name AS tool ON tool.id = daily.tool
LEFT JOIN name AS project ON project.id = daily.project;

CREATE VIEW daily_events (date, source, project, event_type, event_count) AS
SELECT
    date(daily.day * 86400, 'unixepoch'),
    source.name,
    project.text,
    CASE daily.type
        WHEN 0 THEN 'session'
        WHEN 1 THEN 'activity'
        WHEN 2 THEN 'tool'
        WHEN 3 THEN 'agent'
        WHEN 4 THEN 'summary'
        WHEN 5 THEN 'error'
    END,
    sum(daily.events)
FROM daily
JOIN source ON source.id = daily.source
LEFT JOIN name AS project ON project.id = daily.project
GROUP BY daily.day, daily.source, daily.project, daily.type;
