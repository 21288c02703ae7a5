-- Gives seals to the rows that had none. Made once, never changed: stores out there depend on it.

ALTER TABLE quarantine RENAME TO unsealed_quarantine;
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
INSERT INTO quarantine
SELECT id, destination, timestamp, type, payload, reason, seal(id, payload, reason, destination, timestamp, type)
FROM unsealed_quarantine ORDER BY rowid;
DROP TABLE unsealed_quarantine;

ALTER TABLE session_project RENAME TO unsealed_session_project;
CREATE TABLE session_project (
    session TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    seal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO session_project SELECT session, project, seal(session, project) FROM unsealed_session_project;
DROP TABLE unsealed_session_project;
