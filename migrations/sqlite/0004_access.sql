-- Who may send and who may watch, beside what stands in the server's configuration. Times are microseconds since 1970.

-- Grows with every change of who may: a server that sees another number than before reads the rest again.
CREATE TABLE access_version (version INTEGER NOT NULL) STRICT;
INSERT INTO access_version (version) VALUES (0);

-- A source that was revoked stays, without keys.
CREATE TABLE registered_source (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT, WITHOUT ROWID;

-- Ed25519 keys in base64. One that another key has replaced expires; `vouched_by` is the key that signed for it.
CREATE TABLE source_key (
    source TEXT NOT NULL,
    public_key TEXT NOT NULL,
    added INTEGER NOT NULL,
    expires INTEGER,
    vouched_by TEXT,
    PRIMARY KEY (source, public_key)
) STRICT, WITHOUT ROWID;

-- Codes with which a monitor registers its key, once. Of a code only its SHA-256 is kept.
CREATE TABLE enrolment (
    digest BLOB PRIMARY KEY,
    source TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER,
    used_by TEXT
) STRICT, WITHOUT ROWID;

-- Tokens of those who watch. Of a token only its SHA-256 is kept. `sources` is a JSON list of names; NULL shows all.
CREATE TABLE viewer_token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    admin INTEGER NOT NULL,
    sources TEXT,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER,
    last_used INTEGER
) STRICT, WITHOUT ROWID;

-- When a source was last let in, the time of its latest event and the release its monitor tells; seconds late.
CREATE TABLE source_activity (
    source TEXT PRIMARY KEY,
    seen INTEGER NOT NULL,
    event INTEGER,
    version TEXT
) STRICT, WITHOUT ROWID;
