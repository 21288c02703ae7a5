-- Events and their hourly counts. Times are microseconds since 1970, hours are whole hours since 1970 (UTC).
-- The tables are compact and for the server; the views `events` and `hourly_aggregates` are for people.

-- Tells our files from those of other programs: "VTea".
PRAGMA application_id = 1448371553;

CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- `seq` is given out by the one writer in commit order. `id` is the event's id without `evt_`.
-- `type` is a number, see the view `events`. `live` is 1 for what came by the live route.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    ts INTEGER NOT NULL,
    source INTEGER NOT NULL,
    type INTEGER NOT NULL,
    live INTEGER NOT NULL,
    payload TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- Where each id is stored, but for the newest: the server keeps the ids of events after `indexed.through` in
-- memory and moves them here in sorted runs. An id is stored once, whatever its time.
CREATE TABLE event_id (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE indexed (through INTEGER NOT NULL) STRICT;
INSERT INTO indexed (through) VALUES (0);

-- Covers the count of the quarter hour that a query's edge cuts.
CREATE INDEX event_ts_source ON event (ts, source);

-- The live stream in its order.
CREATE INDEX event_live ON event (seq) WHERE live;

-- Events per hour and source, parted by quarter of the hour for time zones and for edges.
-- Written in the transaction that stores the events.
CREATE TABLE hourly (
    hour INTEGER NOT NULL,
    source INTEGER NOT NULL,
    q0 INTEGER NOT NULL,
    q1 INTEGER NOT NULL,
    q2 INTEGER NOT NULL,
    q3 INTEGER NOT NULL,
    PRIMARY KEY (hour, source)
) STRICT, WITHOUT ROWID;

CREATE INDEX hourly_source ON hourly (source, hour);

-- Events per source and type, written like `hourly`.
CREATE TABLE tally (
    source INTEGER NOT NULL,
    type INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (source, type)
) STRICT, WITHOUT ROWID;

CREATE VIEW events (id, source, timestamp, event_type, payload, created_at) AS
SELECT
    'evt_' || event.id,
    source.name,
    strftime('%Y-%m-%dT%H:%M:%S', event.ts / 1000000, 'unixepoch') || printf('.%06dZ', event.ts % 1000000),
    CASE event.type
        WHEN 0 THEN 'session'
        WHEN 1 THEN 'activity'
        WHEN 2 THEN 'tool'
        WHEN 3 THEN 'agent'
        WHEN 4 THEN 'summary'
        WHEN 5 THEN 'error'
    END,
    event.payload,
    strftime('%Y-%m-%dT%H:%M:%S', event.created / 1000000, 'unixepoch') || printf('.%06dZ', event.created % 1000000)
FROM event
JOIN source ON source.id = event.source;

CREATE VIEW hourly_aggregates (source, date, hour, event_count) AS
SELECT
    source.name,
    date(hourly.hour * 3600, 'unixepoch'),
    hourly.hour % 24,
    hourly.q0 + hourly.q1 + hourly.q2 + hourly.q3
FROM hourly
JOIN source ON source.id = hourly.source;
