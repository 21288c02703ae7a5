-- The monitor's only store. Every `seal` is a checksum of its row: SQLite finds damaged pages, a seal finds
-- damaged values, and a store with either is set aside and built again from the transcripts.

-- How far each transcript has been read. `offset` is the end of the last complete line that was understood.
CREATE TABLE file (
    path TEXT PRIMARY KEY,          -- relative to the watched folder, '/' between components
    generation INTEGER NOT NULL,    -- counts how often the path turned out to hold another file
    offset INTEGER NOT NULL,
    head_len INTEGER NOT NULL,      -- length of the first complete line, 0 while there is none
    head INTEGER NOT NULL,          -- hash of its first 4 KiB
    tail_len INTEGER NOT NULL,      -- how many bytes before `offset` are hashed in `tail`
    tail INTEGER NOT NULL,
    device INTEGER NOT NULL,        -- device, inode, size and time as last seen: hints, never proof
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,      -- nanoseconds since 1970
    skip_before INTEGER NOT NULL,   -- events before this time (µs) are history nobody asked for
    settled INTEGER NOT NULL,       -- 1 once the silence after the last record has been looked at
    state TEXT NOT NULL,            -- what the interpreter remembers of the file, JSON
    seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX file_unsettled ON file (modified) WHERE settled = 0;

-- Events that some destination still needs; a row that nobody needs is deleted.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,        -- the 20 characters after evt_
    timestamp INTEGER NOT NULL,     -- µs
    type INTEGER NOT NULL,
    payload TEXT NOT NULL,          -- JSON, redacted
    live INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    seal INTEGER NOT NULL           -- of id, timestamp, type and payload, plus live, plus 2 * batch
) STRICT;
CREATE INDEX outbox_live ON outbox (seq) WHERE live = 1;
CREATE INDEX outbox_batch ON outbox (seq) WHERE batch = 1;

-- Events a destination refused for what they are; the reason is a code, never text of the server's.
CREATE TABLE quarantine (
    id TEXT NOT NULL,
    destination INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    type INTEGER NOT NULL,
    payload TEXT NOT NULL,
    reason TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (id, destination)
) STRICT;

-- Tool calls whose result may still come, and results that came before their call; redacted values only.
CREATE TABLE call (
    key INTEGER PRIMARY KEY,
    remembered INTEGER NOT NULL,    -- µs
    value TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
CREATE TABLE waiting_result (
    key INTEGER PRIMARY KEY,
    remembered INTEGER NOT NULL,
    value TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;

-- Keyed hashes of the natural keys that have become events. No seal, which would double a table that has a row for
-- every event there ever was: a changed key is that of another event once in 2^64 times, and the event whose key is gone
-- gets the same id when it is read again. Only a copy of it that carries another time would count twice.
CREATE TABLE seen (key INTEGER PRIMARY KEY) STRICT;

-- What a subagent's events say of their session.
CREATE TABLE session_project (
    session TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    destination INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,            -- µs, when the report was made
    acknowledged INTEGER,           -- µs, the newest acknowledgement
    error TEXT,                     -- what is wrong now
    failure TEXT,                   -- what was wrong last, whether it still is or not
    failed INTEGER                  -- µs, when that was reported
) STRICT;

CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- The newest question of the server for what transcripts still hold, and the one that was dealt with, as the server
-- numbers them; no row while none was asked.
CREATE TABLE history (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    asked INTEGER NOT NULL,
    done INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
