-- A store of schema 1 as a monitor left it, with events that wait. Never changed: it stands for the stores out there.
BEGIN TRANSACTION;
CREATE TABLE file (
    path TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    head_len INTEGER NOT NULL,
    head INTEGER NOT NULL,
    tail_len INTEGER NOT NULL,
    tail INTEGER NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    skip_before INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    state TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO file VALUES('p/s.jsonl',1,4096,120,-7,64,9,1,2,5000,1790000000000000000,7,0,'{"project_settled":false,"muted":false,"turn_seen":false,"user_seen":false,"started":false,"ended":false}',583479759910725187);
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    timestamp INTEGER NOT NULL,
    type INTEGER NOT NULL,
    payload TEXT NOT NULL,
    live INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
INSERT INTO outbox VALUES(1,'00000000000000000001',1790000000000000,1,'{"sessionId":"s"}',1,0,1108180601988408327);
INSERT INTO outbox VALUES(2,'00000000000000000002',1790000000000000,1,'{"sessionId":"s"}',1,1,-1017475505319257252);
INSERT INTO outbox VALUES(3,'00000000000000000003',1790000000000000,1,'{"sessionId":"s"}',0,1,-114550849966564411);
CREATE TABLE quarantine (
    id TEXT NOT NULL,
    destination INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    type INTEGER NOT NULL,
    payload TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (id, destination)
) STRICT;
INSERT INTO quarantine VALUES('00000000000000000004',1,1790000000000000,1,'{"sessionId":"s"}','400 invalid_event');
CREATE TABLE call (
    key INTEGER PRIMARY KEY,
    remembered INTEGER NOT NULL,
    value TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
CREATE TABLE waiting_result (
    key INTEGER PRIMARY KEY,
    remembered INTEGER NOT NULL,
    value TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT;
CREATE TABLE seen (key INTEGER PRIMARY KEY) STRICT;
CREATE TABLE session_project (session TEXT PRIMARY KEY, project TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE delivery (
    destination INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    acknowledged INTEGER,
    error TEXT
) STRICT;
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES('lines',40);
INSERT INTO counter VALUES('quarantined_batch',1);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('outbox',4);
CREATE INDEX file_unsettled ON file (modified) WHERE settled = 0;
CREATE INDEX outbox_live ON outbox (seq) WHERE live = 1;
CREATE INDEX outbox_batch ON outbox (seq) WHERE batch = 1;
COMMIT;
PRAGMA application_id = 1448345601;
PRAGMA user_version = 1;
