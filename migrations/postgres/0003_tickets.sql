-- Single-use tickets for the live stream: one that a server gave out is taken by any other, whichever a proxy chooses.
-- Of a ticket only its SHA-256 is kept, until it is used or expires.
CREATE TABLE vibetea.ticket (
    digest BYTEA PRIMARY KEY,
    expires TIMESTAMPTZ NOT NULL
);

CREATE INDEX ticket_expires ON vibetea.ticket (expires);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON vibetea.ticket TO service_role;
    END IF;
END
$$;
