-- Who may send and who may watch, beside what stands in the server's configuration. Times are microseconds since 1970.
-- The hosted functions read none of this.

-- Grows with every change of who may: a server that sees another number than before reads the rest again. Whoever
-- changes something updates this row first, so that changes come one after the other.
CREATE TABLE vibetea.access_version (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    version BIGINT NOT NULL
);
INSERT INTO vibetea.access_version (version) VALUES (0);

-- A source that was revoked stays, without keys.
CREATE TABLE vibetea.registered_source (
    name TEXT COLLATE "C" PRIMARY KEY,
    created BIGINT NOT NULL,
    revoked BIGINT
);

-- Ed25519 keys in base64. One that another key has replaced expires; `vouched_by` is the key that signed for it.
CREATE TABLE vibetea.source_key (
    source TEXT COLLATE "C" NOT NULL,
    public_key TEXT COLLATE "C" NOT NULL,
    added BIGINT NOT NULL,
    expires BIGINT,
    vouched_by TEXT,
    PRIMARY KEY (source, public_key)
);

-- Codes with which a monitor registers its key, once. Of a code only its SHA-256 is kept.
CREATE TABLE vibetea.enrolment (
    digest BYTEA PRIMARY KEY,
    source TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    used_by TEXT
);

-- Tokens of those who watch. Of a token only its SHA-256 is kept. `sources` is a JSON list of names; NULL shows all.
CREATE TABLE vibetea.viewer_token (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL UNIQUE,
    admin BIGINT NOT NULL,
    sources TEXT,
    created BIGINT NOT NULL,
    expires BIGINT,
    revoked BIGINT,
    last_used BIGINT
);

-- When a source was last let in, the time of its latest event and the release its monitor tells; seconds late.
CREATE TABLE vibetea.source_activity (
    source TEXT COLLATE "C" PRIMARY KEY,
    seen BIGINT NOT NULL,
    event BIGINT,
    version TEXT
);

-- Whose ticket it is: the SHA-256 of the token it was given out for, NULL for the token of the configuration.
ALTER TABLE vibetea.ticket ADD COLUMN viewer BYTEA;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON vibetea.access_version, vibetea.registered_source, vibetea.source_key,
            vibetea.enrolment, vibetea.viewer_token, vibetea.source_activity TO service_role;
    END IF;
END
$$;
